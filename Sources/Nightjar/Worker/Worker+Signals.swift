internal import Logging
internal import ServiceLifecycle

extension Worker {
    /// Works until SIGTERM or SIGINT, for a program that is a worker and nothing else.
    ///
    /// At the first signal it claims nothing more, lets steps finish for the grace period, hands the rest back and
    /// returns. A second signal ends the process at once, with status 128 + signal; what it held goes to other workers
    /// as soon as they miss its heartbeat.
    ///
    /// - Throws: What ``run()`` throws.
    public func runUntilSignal() async throws {
        let signals = TerminationSignals()
        // Also after the first signal: it is the second one that nobody waits for.
        defer { withExtendedLifetime(signals) {} }
        let group = ServiceGroup(configuration: .init(services: [.init(service: self)], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                for await signal in signals.first {
                    self.logger.info("signal received: shutting down", metadata: [LogKey.signal: "\(signal)"])
                    await group.triggerGracefulShutdown()
                }
            }
            // The second task ends only when it is cancelled, so the first to end is the worker.
            try await tasks.next()
            tasks.cancelAll()
        }
    }
}
