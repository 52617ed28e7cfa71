internal import Nightjar
internal import Synchronization

/// Lets whoever calls an app hold back the claims of its runs while it does not answer.
package final class CallGate: Sendable {
    private let worker = Mutex<QueueWorker?>(nil)

    package init() {}

    func open(for worker: QueueWorker) { self.worker.withLock { $0 = worker } }

    /// Claims nothing until then, and after that one run at a time, until ``resume()``.
    package func suspend(until instant: ContinuousClock.Instant) {
        worker.withLock { $0 }?.suspend(until: instant)
    }

    /// Claims as usual.
    package func resume() { worker.withLock { $0 }?.resume() }
}
