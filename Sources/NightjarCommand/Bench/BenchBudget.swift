import Foundation
import Nightjar

/// What some runs have cost: processor, log, commits, pages.
struct BenchBudget: Sendable {
    var runs: Int
    var seconds: Double
    var steps = 0
    var claims = 0
    /// Transactions that recorded steps or outcomes.
    var commits = 0
    /// The client is all of the workers.
    var cost = BenchCost(logBytes: 0)
    /// All transactions, those of looking for work and of heartbeats too.
    var transactions = 0.0
    /// Pages of tables and indexes that were touched.
    var pages = 0.0
    var peakMegabytes: Double?

    var runsPerSecond: Double { Double(runs) / seconds }

    /// The medians of measurements of the same thing, as figures.
    static func figures(_ budgets: [BenchBudget], prefix: String = "", references: [BenchCeiling.Result] = [])
        -> [BenchFigure]
    {
        func perRun(_ value: (BenchBudget) -> Double?) -> Double? {
            median(budgets.compactMap { budget in value(budget).map { $0 / Double(max(1, budget.runs)) } })
        }
        func grouped(_ value: (BenchBudget) -> (Int, Int)) -> Double? {
            median(budgets.map { Double(value($0).0) / Double(max(1, value($0).1)) })
        }
        return [
            BenchFigure(
                "\(prefix)runs_per_second", median(budgets.map(\.runsPerSecond)),
                reference: median(references.map(\.perSecond))),
            BenchFigure("\(prefix)runs_per_claim", grouped { ($0.runs, $0.claims) }),
            BenchFigure("\(prefix)runs_per_commit", grouped { ($0.runs, $0.commits) }),
            BenchFigure("\(prefix)transactions_per_run", perRun(\.transactions)),
            BenchFigure("\(prefix)pages_per_run", perRun(\.pages)),
            BenchFigure("\(prefix)worker_peak_megabytes", median(budgets.compactMap(\.peakMegabytes))),
        ]
            + BenchCost.figures(
                prefix, budgets.map { ($0.cost, $0.runs) }, references: references.map { ($0.cost, $0.count) },
                client: "worker", per: "run")
    }
}

/// What a database's server has counted so far.
struct BenchCounters: Sendable {
    var transactions: Double
    var pages: Double

    /// Reads them. What a session did is counted when it ends, or up to ten seconds after it fell idle.
    static func read(_ database: PostgresConfiguration) async throws -> BenchCounters {
        let session = PostgresSession(database, logger: .quiet)
        let counters = try await session.run { db in
            let row = try db.query(
                """
                SELECT (SELECT (xact_commit + xact_rollback)::float8 FROM pg_stat_database WHERE datname = current_database()),
                       sum(coalesce(heap_blks_hit, 0) + coalesce(heap_blks_read, 0) + coalesce(idx_blks_hit, 0)
                           + coalesce(idx_blks_read, 0))::float8
                FROM pg_statio_user_tables WHERE schemaname = 'nightjar'
                """)[0]
            return BenchCounters(transactions: try row.decode(0), pages: try row.decode(1))
        }
        await session.close()
        return counters
    }

    /// Waits until nobody but the caller is connected as a worker: then all that they did is counted.
    static func settled(_ database: PostgresConfiguration) async throws -> BenchCounters {
        let session = PostgresSession(database, logger: .quiet)
        let end = ContinuousClock.now + .seconds(10)
        while try await session.run({ db in
            try db.query(
                """
                SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()
                               AND application_name LIKE 'nightjar %')
                """)[0].decode(0, as: Bool.self)
        }), ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(20)) }
        await session.close()
        return try await read(database)
    }
}
