/// How a run ended. Written once.
public enum Outcome: Sendable, Hashable {
    /// The function returned; its output is JSON text, `null` when it returned nothing.
    case completed(output: String)
    /// The function threw and was not or no longer retried, or could not go on.
    case failed(RunError)
    /// The run was cancelled, by an event, by request or because it took too long.
    case cancelled(Cancellation)
}
