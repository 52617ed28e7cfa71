internal import Foundation
internal import Nightjar
internal import NightjarCore

/// What is the same in the bodies of all calls of an execution.
struct CallBody: Sendable {
    /// What travels along with a request and says nothing to anybody but us.
    struct Identity: Sendable {
        var request: String
        var job: String
    }

    let runID: String
    private let event: String
    private let events: String
    private let functionID: String
    private let token: String
    private let generation: Int32
    private let attempts: Int
    private let sentBytes: Int
    private let fetches: Bool

    /// - Parameter fetches: Whether the app fetches what is too large to be sent along.
    init(_ run: RunAssignment, of function: RemoteFunction, limits: RemoteLimits, fetches: Bool) {
        runID = ULID.text(run.context.runID)
        event = EventCoding.text(run.context.event)
        events = "[\(run.context.events.map(EventCoding.text).joined(separator: ","))]"
        functionID = function.uuid.uuidString.lowercased()
        token = run.lease.token
        generation = run.lease.epoch
        attempts = function.options.retries.maxRetries + 1
        sentBytes = limits.sentBytes
        self.fetches = fetches
    }

    /// The body of a call: JSON with its keys in order.
    func bytes(of call: RemoteCall, _ identity: Identity) -> [UInt8] {
        let steps = call.memo.bytes
        let isFetched = fetches && steps > sentBytes
        let hasEvents = !fetches || events.utf8.count <= sentBytes
        let context: [(String, String)] = [
            ("attempt", "\(call.attempt)"), ("disable_immediate_execution", "\(call.plansOnly)"), ("env", "\"\""),
            ("fn_id", "\"\(functionID)\""), ("generation_id", "\(generation)"), ("job_id", "\"\(identity.job)\""),
            ("max_attempts", "\(attempts)"), ("qi_id", "\"\(token)\""), ("request_id", "\"\(identity.request)\""),
            ("run_id", "\"\(runID)\""), ("stack", stack(of: call)),
            ("step_id", JSONStringText.encode(call.step ?? "step")), ("use_api", "\(isFetched || !hasEvents)"),
        ]
        var text = "{\"ctx\":\(object(context)),\"defers\":{},\"event\":\(event)"
        text += ",\"events\":\(hasEvents ? events : "[]"),\"steps\":"
        text += isFetched ? "{}" : object(call.memo.ordered.map { (JSONStringText.encode($0), $1) })
        text += ",\"use_api\":\(isFetched || !hasEvents),\"version\":\(call.version)}"
        return Array(text.utf8)
    }

    private func stack(of call: RemoteCall) -> String {
        let steps = call.memo.stack.map { JSONStringText.encode($0) }.joined(separator: ",")
        return "{\"current\":\(call.memo.stack.count),\"stack\":[\(steps)]}"
    }

    private func object(_ members: [(String, String)]) -> String {
        let texts = members.map { name, value in name.hasPrefix("\"") ? "\(name):\(value)" : "\"\(name)\":\(value)" }
        return "{\(texts.joined(separator: ","))}"
    }
}

extension MemoSnapshot {
    /// The entries in the order of canonical JSON.
    fileprivate var ordered: [(String, String)] {
        entries.sorted { $0.key.utf16.lexicographicallyPrecedes($1.key.utf16) }.map { ($0.key, $0.value) }
    }
}
