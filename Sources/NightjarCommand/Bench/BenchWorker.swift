import ArgumentParser
import CoreMetrics
import Foundation
import Nightjar
import NightjarMetrics

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `nightjar bench worker`: a worker of a scenario, as a process of its own.
///
/// Standard input's first line is the order; a further one lets the runs go on that are held; its end is the worker's.
struct BenchWorker: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Execute the runs of a scenario until standard input ends.",
        shouldDisplay: false)

    /// What to do; not in arguments, which are for everybody to see.
    struct Order: Codable {
        var database: [String: String]
        /// Of `tick`.
        var steps = 1
        var concurrency = 100
        /// How many more runs it leases than it executes; nil: as many as workers do.
        var localQueue: Int?
        /// Whether it counts, as for Prometheus.
        var hasMetrics = false
    }

    func execute() async throws -> ExitStatus {
        guard let line = readLine(), let order = try? JSONDecoder().decode(Order.self, from: Data(line.utf8)) else {
            throw CommandError(.usage, "'nightjar bench worker' is started by the other scenarios")
        }
        if order.hasMetrics { MetricsSystem.bootstrap(PrometheusRegistry()) }
        let gate = BenchGate()
        Thread.detachNewThread {
            while readLine() != nil { gate.open() }
            // Whoever started it is gone or wants no more: as if somebody had pressed Ctrl-C.
            gate.open()
            kill(getpid(), SIGTERM)
        }
        var configuration = WorkerConfiguration()
        configuration.concurrency = order.concurrency
        if let localQueue = order.localQueue { configuration.localQueue = localQueue }
        try await Worker(
            app: "bench", functions: BenchFunctions.all(steps: order.steps, gate),
            database: PostgresConfiguration(keywords: order.database), configuration: configuration, logger: .quiet
        ).runUntilSignal()
        return .success
    }
}
