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
                var own: Int64 = 0
                // What belongs to the start has been asked by then.
                try await eventually("it has begun to look") {
                    own += 1
                    return try await Self.count(sql).looks >= 4
                }
                let before = try await Self.count(sql)
                own = 1
                var after = before
                try await eventually("it looks on") {
                    own += 1
                    after = try await Self.count(sql)
                    return after.looks >= before.looks + 20
                }
                let looks = after.looks - before.looks
                let transactions = after.transactions - before.transactions - own
                #expect(transactions <= looks + looks / 5, "heartbeats of their own would be one for two looks")

                let beaten = try await sql.run { db in
                    try db.query("SELECT count(*) FROM nightjar.sessions WHERE NOT dead AND seen_at > started_at")[0]
                        .decode(0, as: Int64.self)
                }
                #expect(beaten == 1)
                await sql.close()
            }
        }
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
