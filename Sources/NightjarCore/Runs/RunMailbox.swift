import Synchronization

/// Brings a run that is being executed what came for its open steps.
///
/// Arrivals may be delivered at any time: before the execution begins they are kept, after its end they have no effect.
package final class RunMailbox: Sendable {
    package typealias Receiver = @Sendable (_ arrivals: [Arrival], _ mail: Int) -> Void

    private struct State {
        var receiver: Receiver?
        var arrivals: [Arrival] = []
        var mail = 0
    }

    private let state = Mutex(State())

    package init() {}

    /// Delivers arrivals; one that is repeated, or whose step is not open, has no effect.
    ///
    /// - Parameter mail: How many arrivals the run has been told of with these, the context's included. Never goes
    ///   backwards: a smaller number than the last has no effect.
    package func deliver(_ arrivals: [Arrival], mail: Int) {
        let receiver = state.withLock { state in
            guard state.receiver == nil else { return state.receiver }
            state.arrivals += arrivals
            state.mail = max(state.mail, mail)
            return nil
        }
        receiver?(arrivals, mail)
    }

    /// Hands over what was delivered so far, and from now on whatever is delivered.
    package func open(_ receiver: @escaping Receiver) {
        let (arrivals, mail) = state.withLock { state in
            defer { state.arrivals = [] }
            state.receiver = receiver
            return (state.arrivals, state.mail)
        }
        receiver(arrivals, mail)
    }

    /// Forgets the receiver.
    package func close() {
        state.withLock { state in
            state.receiver = { _, _ in }
            state.arrivals = []
        }
    }
}
