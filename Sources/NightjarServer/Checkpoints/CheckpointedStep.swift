internal import Foundation
internal import Hummingbird
internal import Nightjar
internal import NightjarCore

/// A step that has ended, as an app reports it.
struct CheckpointedStep: Sendable {
    var step: RecordedStep

    /// The bytes that a step's output may have.
    private static let outputLimit = 4 << 20

    /// Reads an operation of the protocol. Only those that say the end of a step can be recorded here: all others need
    /// an answer to the call.
    init(_ operation: JSON, now: Date) throws {
        guard let members = operation.object else {
            throw RequestFailure(.badRequest, "invalid_request", "each of the steps must be an object")
        }
        let id = try members.requiredText("id")
        guard id.utf8.count <= 255 else {
            throw RequestFailure(
                .badRequest, "invalid_request", "the id of a step has \(id.utf8.count) bytes; the limit is 255")
        }
        let word = try members.requiredText("op")
        let failed: Bool
        switch word.lowercased() {
        case "steprun", "step": failed = false
        case "stepfailed": failed = true
        default:
            throw RequestFailure(
                .badRequest, "invalid_request",
                "\(word.prefix(64)) cannot be recorded while the function goes on; answer the call with it")
        }
        let type = members["opts"]?["type"]?.string
        let name = try members["displayName"]?.string ?? members.text("name")
        let error = members["error"] ?? nil
        let output = try JSONCoding.text(failed || error != .null ? error : members["data"] ?? nil)
        guard output.utf8.count <= Self.outputLimit else {
            throw RequestFailure(
                .contentTooLarge, "output_too_large",
                "the output of step \"\(name ?? id)\" has \(output.utf8.count) bytes; the limit is \(Self.outputLimit)")
        }
        let (started, ended) = Self.times(members["timing"], now)
        step = RecordedStep(
            step: id, name: name, kind: type == "step.sendEvent" ? .sendEvent : .run,
            status: failed || error != .null ? .failed : .completed, output: output,
            error: failed || error != .null
                ? RunError(
                    name: error["name"]?.string ?? "Error", message: error["message"]?.string ?? output,
                    code: RunError.Code.stepFailed, stack: error["stack"]?.string) : nil,
            startedAt: started, endedAt: ended)
    }

    /// Nanoseconds since 1970, and how many it took; by the app's clock, hence within reason.
    private static func times(_ timing: JSON?, _ now: Date) -> (Date, Date) {
        guard let start = timing?["a"]?.number, start > 0 else { return (now, now) }
        let took = min(max(timing?["b"]?.number ?? 0, 0) / 1e9, 86_400)
        let started = Date(timeIntervalSince1970: start / 1e9)
        guard abs(started.timeIntervalSince(now)) < 7 * 86_400 else { return (now, now) }
        return (started, started.addingTimeInterval(took))
    }
}
