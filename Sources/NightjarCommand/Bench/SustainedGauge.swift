import Foundation
import Nightjar

/// How the database fares under a load that goes on: read at the end of each window.
struct SustainedGauge: Sendable {
    struct Reading: Sendable {
        var at: Date
        var livePages: Int64
        var deadRows: Int64
        var claimPages: Double
        var claimMilliseconds: Double
    }

    let arena: BenchArena

    /// Statistics of the table, and what a claim takes at this moment that reads all of the index.
    func read() async throws -> Reading {
        let session = PostgresSession(arena.database.forEngine(name: "nightjar bench"), logger: .quiet)
        let reading = try await session.run { db in
            let row = try db.query(
                """
                SELECT clock_timestamp(), coalesce(o.heap_blks_hit + o.heap_blks_read + o.idx_blks_hit + o.idx_blks_read, 0),
                       pg_stat_get_dead_tuples(o.relid)
                FROM pg_statio_user_tables o WHERE o.relid = 'nightjar.live'::regclass
                """)[0]
            let claim = try BenchClaimer(db).probe(100)
            return Reading(
                at: try row.decode(0), livePages: try row.decode(1), deadRows: try row.decode(2),
                claimPages: claim.pages, claimMilliseconds: claim.milliseconds)
        }
        await session.close()
        return reading
    }

    /// What ended between two moments: how many runs, and how long after they were sent those took that never slept.
    func ended(from start: Date, to end: Date) async throws -> (count: Int64, p50: Double?, p99: Double?) {
        let session = PostgresSession(arena.database, logger: .quiet)
        let found = try await session.run { db in
            try db.script("SET statement_timeout = 0")
            let row = try db.query(
                """
                SELECT t.count, t.p[1], t.p[2] FROM (
                    SELECT count(*), percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (
                        ORDER BY extract(epoch FROM o.ended_at - r.created_at) * 1000)
                        FILTER (WHERE f.name = 'tick' AND o.status = 1) AS p
                    FROM nightjar.outcomes o
                    JOIN nightjar.runs r ON r.run_id = o.run_id
                    JOIN nightjar.functions f ON f.function_id = o.function_id
                    WHERE o.ended_at >= $1 AND o.ended_at < $2) AS t (count, p)
                """, [start, end])[0]
            return (
                count: try row.decode(0, as: Int64.self), p50: try row.decode(1, as: Double?.self),
                p99: try row.decode(2, as: Double?.self)
            )
        }
        await session.close()
        return found
    }
}
