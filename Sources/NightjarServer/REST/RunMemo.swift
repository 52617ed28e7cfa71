internal import Foundation
internal import Nightjar
internal import NightjarCore

/// What a run has recorded, as the SDKs read it: an object of step hashes.
enum RunMemo {
    static func read(_ db: PostgresConnection, of run: UUID) throws -> ReplyValue {
        var memo: ReplyValue = [:]
        for step in try StepEntry.read(db, of: [run]) where step.part == .step {
            memo.add(step.key, value(of: step))
        }
        return memo
    }

    /// The encoding of `steps` in calls.
    private static func value(of step: StepEntry) -> ReplyValue {
        if step.failed { return ["error": (step.output ?? step.error).map { .json($0) } ?? .null] }
        switch step.kind {
        case .sleep: return nil
        // The event as a whole, or null.
        case .waitForEvent: return step.output.map { .json($0) } ?? nil
        case .waitForSignal where step.output == nil || step.output == "null": return nil
        default: return ["data": step.output.map { .json($0) } ?? .null]
        }
    }
}
