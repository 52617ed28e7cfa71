import Foundation
import Nightjar

/// A backlog of runs that some workers execute.
struct ThroughputCase: Sendable {
    /// What its figures begin with; empty when it is the only one.
    var name: String
    var steps: Int
    var workers: Int
    var runs: Int
    var concurrency: Int
    var hasMetrics = false

    /// One measurement.
    struct Result: Sendable {
        var budget: BenchBudget
        var eventsSentPerSecond: Double
        var reference: BenchCeiling.Result
    }

    static func figures(_ bench: ThroughputCase, _ results: [Result]) -> [BenchFigure] {
        let prefix = bench.name.isEmpty ? "" : "\(bench.name)_"
        return BenchBudget.figures(results.map(\.budget), prefix: prefix, references: results.map(\.reference)) + [
            BenchFigure("\(prefix)events_sent_per_second", median(results.map(\.eventsSentPerSecond)))
        ]
    }

    /// What its worker processes are told.
    func order(_ arena: BenchArena) -> BenchWorker.Order {
        BenchWorker.Order(
            database: arena.database.keywords, steps: steps, concurrency: concurrency, localQueue: concurrency * 4,
            hasMetrics: hasMetrics)
    }

    /// Registers the function, and makes the runs that are there besides.
    func prepare(_ arena: BenchArena, sleeping: Int, finished: Int) async throws {
        try await arena.register([BenchFunctions.tick(steps: steps)])
        let seed = BenchSeed(arena: arena, steps: steps)
        try await seed.sleeping(sleeping)
        try await seed.finished(finished)
    }

    /// Makes the backlog, executes it, and has the reference do the same.
    func measure(_ arena: BenchArena, _ ceiling: BenchCeiling) async throws -> Result {
        let first = try await BenchMeter.lowestID(arena)
        let sending = ContinuousClock.now
        try await send(arena)
        let sent = ContinuousClock.now - sending
        try await arena.script("VACUUM nightjar.live, nightjar.waits")

        let before = try await BenchCounters.read(arena.database)
        let barrier = try await BenchBarrier(arena.database)
        var budget = try await WorkerProcess.with(workers, order(arena)) { workers in
            try await barrier.wait(for: workers.count)
            let meter = try await BenchMeter(arena, workers)
            let start = try await barrier.open()
            try await BenchMeter.waitForEnd(arena)
            return try await meter.budget(of: first, since: start)
        }
        await barrier.close()
        let after = try await BenchCounters.settled(arena.database)
        budget.transactions = after.transactions - before.transactions
        budget.pages = after.pages - before.pages
        guard budget.runs == runs else { throw CommandError(.failure, "\(budget.runs) of \(runs) runs are completed") }

        let reference = try await ceiling.execute(
            .init(runs: runs, steps: steps, claims: budget.claims, commits: budget.commits))
        return Result(
            budget: budget, eventsSentPerSecond: Double(runs) / sent.seconds, reference: reference)
    }

    private func send(_ arena: BenchArena) async throws {
        let client = Client(database: arena.database, logger: .quiet)
        for start in stride(from: 0, to: runs, by: 1_000) {
            try await client.send(
                (start..<min(start + 1_000, runs)).map { try NewEvent(BenchFunctions.Tick(n: $0)) })
        }
        await client.close()
    }
}
