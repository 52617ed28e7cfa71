import ArgumentParser
import Foundation
import Nightjar

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// `nightjar bench worker`: a worker of a scenario, as a process of its own.
struct BenchWorker: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "Execute the runs of a scenario until standard input ends.",
        shouldDisplay: false)

    /// What to do; the one line on standard input, since arguments are for everybody to see.
    struct Order: Codable {
        var database: [String: String]
        var steps: Int
        var concurrency: Int
    }

    func execute() async throws -> ExitStatus {
        guard let line = readLine(), let order = try? JSONDecoder().decode(Order.self, from: Data(line.utf8)) else {
            throw CommandError(.usage, "'nightjar bench worker' is started by the other scenarios")
        }
        // Whoever started it is gone or wants no more: as if somebody had pressed Ctrl-C.
        Thread.detachNewThread {
            while readLine() != nil {}
            kill(getpid(), SIGTERM)
        }
        var configuration = WorkerConfiguration()
        configuration.concurrency = order.concurrency
        configuration.localQueue = order.concurrency * 4
        try await Worker(
            app: "bench", functions: [BenchFunctions.tick(steps: order.steps)],
            database: PostgresConfiguration(keywords: order.database), configuration: configuration, logger: .quiet
        ).runUntilSignal()
        return .success
    }
}
