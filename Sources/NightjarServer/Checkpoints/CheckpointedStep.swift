internal import Foundation
internal import Hummingbird
internal import Nightjar
internal import NightjarCore

/// A step that has ended, as an app reports it.
struct CheckpointedStep: Sendable {
    var step: RecordedStep

    /// The bytes that a step's output may have.
    private static let outputLimit = FunctionOptions.defaultOutputLimit

    /// Reads an operation of the protocol. Only those that say the end of a step can be recorded here: all others need
    /// an answer to the call.
    init(_ json: JSONValue, endedAt: Date) throws {
        let operation: Operation
        do { operation = try Operation(json) } catch {
            throw RequestFailure(.badRequest, "invalid_request", error.description)
        }
        switch operation.code {
        case .step, .stepRun, .stepFailed: break
        default:
            throw RequestFailure(
                .badRequest, "invalid_request",
                "\(operation.code) cannot be recorded while the function goes on; answer the call with it")
        }
        let failed = operation.code == .stepFailed || operation.error != nil
        let output = (failed ? operation.error : operation.data).map { CanonicalJSON.text(of: $0) } ?? "null"
        guard output.utf8.count <= Self.outputLimit else {
            throw RequestFailure(
                .contentTooLarge, AppError.outputTooLarge,
                "the output of step \"\(operation.title ?? operation.id)\" has \(output.utf8.count) bytes; the limit is "
                    + "\(Self.outputLimit)")
        }
        let error = operation.error.map(AppError.read) ?? RunError(name: "Error", message: "the step failed")
        let type = operation.options?["type"]?.string
        step = RecordedStep(
            step: operation.id, name: operation.title, kind: type == "step.sendEvent" ? .sendEvent : .run,
            status: failed ? .failed : .completed, output: output, error: failed ? error : nil,
            startedAt: endedAt.addingTimeInterval(-min(max(operation.duration ?? 0, 0), 86_400)), endedAt: endedAt)
    }
}
