/// How a run ended. Written once.
public enum Outcome: Sendable, Hashable {
    /// The function returned; its output is JSON text, `null` when it returned nothing.
    case completed(output: String)
    /// The function threw and was not or no longer retried, or could not go on.
    case failed(RunError)
    /// The run was cancelled, by an event or by request.
    case cancelled(Cancellation)

    /// Why a run was cancelled.
    public struct Cancellation: Codable, Sendable, Hashable {
        /// The event that cancelled it, if one did.
        public var eventID: String?
        /// The name of that event.
        public var eventName: String?
        /// What the person or program gave as a reason.
        public var reason: String?

        /// Describes a cancellation.
        public init(eventID: String? = nil, eventName: String? = nil, reason: String? = nil) {
            self.eventID = eventID
            self.eventName = eventName
            self.reason = reason
        }
    }
}
