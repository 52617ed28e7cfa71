import ArgumentParser
import Foundation
import Nightjar

/// `nightjar bench idle-worker`: a worker as a process of its own, started by the scenarios that measure one.
///
/// Standard input's first line names the database; a further one lets the runs go on that are held; its end is the
/// worker's.
struct BenchIdleWorker: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "idle-worker", abstract: "A worker for other scenarios, until standard input ends.",
        shouldDisplay: false)

    @Option(help: "How many runs execute at once.")
    var concurrency = 100

    struct Nap: EventData {
        static let eventName = "bench/nap"
        var n: Int
    }
    struct Hold: EventData {
        static let eventName = "bench/hold"
        var n: Int
    }
    struct Stop: EventData {
        static let eventName = "bench/stop"
        var n: Int
    }

    /// What it executes: runs that sleep for a month, and runs whose step waits.
    static func functions(_ gate: BenchGate) -> [FunctionDefinition] {
        [
            Function("nap", on: Nap.self).cancelOn(Stop.self, match: \.n).run { _, step in
                try await step.sleep("long", for: .seconds(30 * 86_400))
            },
            Function("hold", on: Hold.self).cancelOn(Stop.self, match: \.n).run { _, step in
                try await step.run("wait") { await gate.pass() }
            },
        ]
    }

    func execute() async throws -> ExitStatus {
        guard let url = readLine() else { throw CommandError(.failure, "standard input names no database") }
        let database = try PostgresConfiguration(url: url)
        let gate = BenchGate()
        var configuration = WorkerConfiguration()
        configuration.concurrency = concurrency
        let worker = Worker(
            app: "bench", functions: Self.functions(gate), database: database, configuration: configuration,
            logger: .quiet)
        let (lines, continuation) = AsyncStream.makeStream(of: Void.self)
        Thread.detachNewThread {
            while readLine() != nil { continuation.yield() }
            continuation.finish()
        }
        await withTaskGroup { group in
            group.addTask { try? await worker.run() }
            for await _ in lines { gate.open() }
            gate.open()
            group.cancelAll()
        }
        return .success
    }
}
