package import Nightjar
package import NightjarCore

/// Executes the runs of one remote app by calling it; made by whoever speaks the protocol.
package protocol AppCaller: Sendable {
    /// Executes a run until it ends, parks, or is stopped. Cancelling the task aborts the calls in flight.
    func execute(_ run: RunAssignment, of function: RemoteFunction) async -> RunResult
    /// The app has just been heard of: whatever held its calls back is over.
    func reachable()
}

extension AppCaller {
    package func reachable() {}
}
