import Foundation
import Nightjar

/// Reads what is used while runs are executed.
struct BenchMeter: Sendable {
    private let arena: BenchArena
    private let workers: [WorkerProcess]
    private let start: BenchCost

    /// Begins.
    init(_ arena: BenchArena, _ workers: [WorkerProcess]) async throws {
        self.arena = arena
        self.workers = workers
        start = try await Self.cost(arena, workers)
    }

    private static func cost(_ arena: BenchArena, _ workers: [WorkerProcess]) async throws -> BenchCost {
        var cost = try await BenchCost.now(arena.database, postmaster: arena.postmaster)
        let seconds = workers.compactMap { ProcessUsage(of: $0.id)?.processorSeconds }
        cost.clientSeconds = seconds.count == workers.count ? seconds.reduce(0, +) : nil
        return cost
    }

    /// Ids of runs that start from now on are not lower.
    static func lowestID(_ arena: BenchArena) async throws -> UUID {
        let session = PostgresSession(arena.database, logger: .quiet)
        let id: UUID = try await session.run { db in
            try db.query("SELECT nightjar.uuid7_floor(clock_timestamp())")[0].decode(0)
        }
        await session.close()
        return id
    }

    /// Waits until nothing is ready or executes any more.
    static func waitForEnd(_ arena: BenchArena) async throws {
        let session = PostgresSession(arena.database, logger: .quiet)
        try await session.run { db in try db.script("SET enable_seqscan = off; SET enable_bitmapscan = off") }
        // Seldom: what it costs is counted with the rest.
        while try await session.run({ db in
            try db.query(
                """
                SELECT EXISTS (SELECT FROM nightjar.live WHERE state = 1) OR EXISTS (SELECT FROM nightjar.live WHERE state = 0)
                """)[0].decode(0, as: Bool.self)
        }) { try await Task.sleep(for: .milliseconds(50)) }
        await session.close()
    }

    /// What was used since the beginning by runs with this id and later ones, which have ended.
    func budget(of first: UUID, since opening: Date) async throws -> BenchBudget {
        let cost = try await Self.cost(arena, workers) - start
        let session = PostgresSession(arena.database, logger: .quiet)
        var budget = try await session.run { db in
            // A claim gives all of its runs one moment, a commit all of its rows one transaction.
            let row = try db.query(
                """
                SELECT count(*), extract(epoch FROM max(ended_at) - $2::timestamptz)::float8, count(DISTINCT started_at),
                       (SELECT count(*) FROM nightjar.steps s WHERE s.run_id >= $1),
                       (SELECT count(*) FROM (SELECT xmin::text FROM nightjar.outcomes WHERE run_id >= $1
                                              UNION SELECT xmin::text FROM nightjar.steps WHERE run_id >= $1) t)
                FROM nightjar.outcomes WHERE run_id >= $1 AND status = 1
                """, [first, opening])[0]
            let seconds = try row.decode(1, as: Double?.self)
            var budget = BenchBudget(runs: try row.decode(0), seconds: seconds ?? 0)
            (budget.claims, budget.steps, budget.commits) = (try row.decode(2), try row.decode(3), try row.decode(4))
            return budget
        }
        await session.close()
        budget.cost = cost
        budget.peakMegabytes = workers.compactMap { ProcessUsage(of: $0.id)?.peakMegabytes }.max()
        return budget
    }
}
