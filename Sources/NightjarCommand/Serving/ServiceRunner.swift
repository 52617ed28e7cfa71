import Logging
import Nightjar
import ServiceLifecycle

/// Runs a service until the first SIGTERM or SIGINT, then lets it end in good order; the second ends the process.
enum ServiceRunner {
    /// - Parameter companion: What runs beside it, and longer.
    static func run(
        _ service: some Service, beside companion: (any Service)? = nil, _ signals: TerminationSignals, logger: Logger
    ) async throws {
        // They are told to end in the reverse order.
        let services = [companion, service].compactMap { $0 }
        let group = ServiceGroup(
            configuration: .init(services: services.map { .init(service: $0) }, logger: .quiet))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask {
                for await signal in signals.first {
                    logger.info("signal received: shutting down", metadata: ["signal": "\(signal)"])
                    await group.triggerGracefulShutdown()
                }
            }
            // The second task ends only when it is cancelled, so the first to end is the service.
            try await tasks.next()
            tasks.cancelAll()
        }
    }
}
