package import Foundation
package import NightjarCore

/// What an app is told about a recorded step: its entry in `steps`.
package enum MemoCoding {
    /// The entry as canonical JSON; nil for a sleep that is not over.
    package static func text(_ step: RecordedStep, now: Date) -> String? {
        if let dueAt = step.dueAt, step.kind == .sleep, dueAt > now { return nil }
        return text(step)
    }

    /// The entry of a step that is over.
    static func text(_ step: RecordedStep) -> String {
        if step.status == .failed {
            let told = step.output.flatMap { try? CanonicalJSON.text(of: $0, numbers: .exact) }
            let error = told ?? AppError.text(step.error ?? RunError(name: "Error", message: "unknown"))
            return "{\"error\":\(error)}"
        }
        let output = step.output.flatMap { try? CanonicalJSON.text(of: $0, numbers: .exact) } ?? "null"
        switch step.kind {
        case .sleep: return "null"
        case .waitForEvent: return EventCoding.text(arrived: output)
        // What is null is nothing that came.
        case .waitForSignal where output == "null": return "null"
        case .run, .sendEvent, .invoke, .waitForSignal, .fetch, .infer: return "{\"data\":\(output)}"
        }
    }
}
