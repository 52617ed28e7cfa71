import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// A worker that has nothing to do asks once an interval, and nothing besides.
struct IdleTests {
    private struct Counts {
        var transactions: Int64
        var looks: Int64
    }

    @Test("An idle worker's looks are all that it asks: they beat for its session, too")
    func looksOnly() async throws {
        let blog = Blog()
        try await TestDatabase.with { database in
            try await RunningWorker.with(
                [blog.publishPost], in: database,
                configure: {
                    $0.pollInterval = .milliseconds(500)
                    $0.sessionTimeToLive = .seconds(4)
                }
            ) { _ in
                let sql = PostgresSession(database.configuration, logger: .silent)
                // From another database, so that waiting is not counted.
                var beside = database.configuration
                beside.keywords["dbname"] = "postgres"
                let watch = PostgresSession(beside, logger: .silent)
                // What belongs to the start has been asked by then, and counted: a session counts up to 10 s later.
                try await Self.transactions(watch, in: database.name, more: 70)
                let before = try await Self.count(sql)
                try await Self.transactions(watch, in: database.name, more: 40)
                let after = try await Self.count(sql)
                await watch.close()
                let looks = after.looks - before.looks
                // Less the test's own question.
                let transactions = after.transactions - before.transactions - 1
                #expect(looks > 20)
                #expect(transactions <= looks + looks / 4, "heartbeats of their own would be one for two looks")

                let beaten = try await sql.run { db in
                    try db.query("SELECT count(*) FROM nightjar.sessions WHERE NOT dead AND seen_at > started_at")[0]
                        .decode(0, as: Int64.self)
                }
                #expect(beaten == 1)
                await sql.close()
            }
        }
    }

    /// Waits until so many more transactions are counted in a database.
    private static func transactions(_ watch: PostgresSession, in database: String, more: Int64) async throws {
        let count: @Sendable () async throws -> Int64 = {
            try await watch.run { db in
                try db.query("SELECT xact_commit FROM pg_stat_database WHERE datname = $1", [database])[0].decode(0)
            }
        }
        let start = try await count()
        try await eventually("\(more) transactions") { try await count() >= start + more }
    }

    /// Each look reads `gathered` once; an idle worker's other statements do not.
    private static func count(_ sql: PostgresSession) async throws -> Counts {
        try await sql.run { db in
            let row = try db.query(
                """
                SELECT d.xact_commit + d.xact_rollback, t.seq_scan + coalesce(t.idx_scan, 0)
                FROM pg_stat_database d, pg_stat_user_tables t
                WHERE d.datname = current_database() AND t.relid = 'nightjar.gathered'::regclass
                """)[0]
            return Counts(transactions: try row.decode(0), looks: try row.decode(1))
        }
    }
}
