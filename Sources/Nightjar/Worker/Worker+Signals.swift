internal import Logging
public import ServiceLifecycle

extension Worker {
    /// Works until SIGTERM or SIGINT, for a program that is a worker and nothing else.
    ///
    /// At the first signal it claims nothing more, lets steps finish for the grace period, hands the rest back and
    /// returns. A second signal ends the process at once, with status 128 + signal; what it held goes to other workers
    /// as soon as they miss its heartbeat.
    ///
    /// - Parameter others: What runs beside it and is told to end after it, such as the `MetricsEndpoint` of
    ///   NightjarMetrics; an error of one ends all.
    /// - Throws: What ``run()`` throws.
    public func runUntilSignal(beside others: [any Service] = []) async throws {
        let signals = TerminationSignals()
        // Also after the first signal: it is the second one that nobody waits for.
        defer { withExtendedLifetime(signals) {} }
        // They are told to end in the reverse order.
        let services: [any Service] = others + [self]
        let group = ServiceGroup(configuration: .init(services: services.map { .init(service: $0) }, logger: logger))
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
