import ArgumentParser
import Foundation
import Nightjar

/// `nightjar bench throughput`
struct BenchThroughput: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "throughput",
        abstract: "Runs a second from a backlog: a function of a few steps, with a cancellation policy.")

    @OptionGroup var options: BenchOptions

    @Option(help: "How many runs.")
    var runs = 20_000

    @Option(help: "How many steps each has.")
    var steps = 1

    @Option(help: "How many runs execute at once.")
    var concurrency = 200

    struct Tick: EventData {
        static let eventName = "bench/tick"
        var n: Int
    }
    struct Stop: EventData {
        static let eventName = "bench/stop"
        var n: Int
    }

    func execute() async throws -> ExitStatus {
        try await BenchArena.with(options) { arena in
            let steps = steps
            let function = Function("tick", on: Tick.self).cancelOn(Stop.self, match: \.n).run { event, step in
                var sum = event.data.n
                for _ in 0..<steps {
                    let before = sum
                    sum = try await step.run("add") { before + 1 }
                }
                return sum
            }
            var configuration = WorkerConfiguration()
            configuration.concurrency = concurrency
            configuration.localQueue = concurrency * 4
            try await arena.withWorker([function], configuration) {}

            let client = Client(database: arena.database, logger: .quiet)
            let sending = ContinuousClock.now
            for start in stride(from: 0, to: runs, by: 1_000) {
                try await client.send((start..<min(start + 1_000, runs)).map { try NewEvent(Tick(n: $0)) })
            }
            let sent = ContinuousClock.now - sending
            await client.close()

            let session = PostgresSession(arena.database, logger: .quiet)
            let starting = ContinuousClock.now
            let took = try await arena.withWorker([function], configuration) {
                while try await session.run({ db in
                    try db.query("SELECT EXISTS (SELECT FROM nightjar.live)")[0].decode(0, as: Bool.self)
                }) { try await Task.sleep(for: .milliseconds(20)) }
                return ContinuousClock.now - starting
            }
            let completed = try await session.run { db in
                try db.query("SELECT count(*) FROM nightjar.outcomes WHERE status = 1")[0].decode(0, as: Int64.self)
            }
            await session.close()
            guard completed == Int64(runs) else {
                throw CommandError(.failure, "\(completed) of \(runs) runs are completed")
            }
            try arena.report(
                [
                    ("runs", .integer(completed)), ("steps_per_run", .integer(Int64(steps))),
                    ("runs_per_second", .number(rounded(Double(runs) / took.milliseconds * 1_000))),
                    ("events_sent_per_second", .number(rounded(Double(runs) / sent.milliseconds * 1_000))),
                ], options)
            return .success
        }
    }
}
