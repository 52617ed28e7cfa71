import Foundation
import Nightjar

extension BenchCeiling {
    /// Events a second: for each the rows that our trigger writes for it, an event and for each function that listens
    /// a run, a live row and the wait of one policy.
    ///
    /// - Parameters:
    ///   - perCommit: how many events a transaction has on average, as ours had.
    ///   - functions: how many listen.
    func ingest(
        perCommit: Double, connections: Int, functions: Int, seconds: Double
    ) async throws -> Result {
        try await clear()
        let counts = Counter()
        var result = try await inParallel(
            connections, warmUp: { db in try Self.insert(db, 0..<1, functions: functions) }
        ) { db, _ in
            let end = ContinuousClock.now + .milliseconds(seconds * 1_000)
            var index = 0
            while ContinuousClock.now < end {
                let group = Self.group(index, mean: max(1, perCommit))
                index += 1
                try Self.insert(db, group, functions: functions)
                counts.add(group.count)
            }
        }
        result.count = counts.total
        return result
    }

    private func clear() async throws {
        let session = PostgresSession(database, logger: .quiet)
        try await session.run { db in
            try db.script("TRUNCATE ceiling.events, ceiling.runs, ceiling.live, ceiling.waits")
        }
        await session.close()
    }

    /// Measured and rejected, in processor time of server and client for 1,000 events in commits of 1,000: four statements
    /// in one pipeline (21 ms; this: 18.6 ms), one INSERT a row in one pipeline (67 ms).
    private static func insert(_ db: PostgresConnection, _ group: Range<Int>, functions: Int) throws {
        let events = group.map { _ in UUIDv7.make() }
        let started = (0..<functions).flatMap { function in
            zip(group, events).map { (run: UUIDv7.make(), event: $1, seq: Int64($0), function: Int32(function)) }
        }
        try db.execute(
            """
            WITH event AS (
                INSERT INTO ceiling.events (event_id, tenant_id, name, data)
                SELECT e.event_id, 1, 'bench/tick', e.data FROM unnest($1::uuid[], $2::jsonb[]) AS e (event_id, data)
            ), started AS MATERIALIZED (
                SELECT * FROM unnest($3::uuid[], $4::uuid[], $5::bigint[], $6::int[], $7::uuid[])
                    AS s (run_id, event_id, seq, function_id, key)
            ), run AS (
                INSERT INTO ceiling.runs (run_id, tenant_id, function_id, event_id, event_seq, created_at)
                SELECT s.run_id, 1, s.function_id, s.event_id, s.seq, now() FROM started s
            ), live AS (
                INSERT INTO ceiling.live (run_id, event_id, pass, queue, tenant_id, function_id)
                SELECT s.run_id, s.event_id, s.seq, 1, 1, s.function_id FROM started s
            )
            INSERT INTO ceiling.waits (tenant_id, policy_id, key, run_id, since)
            SELECT 1, s.function_id, s.key, s.run_id, s.seq FROM started s
            """,
            [
                events, group.map { PostgresJSON("{\"n\":\($0)}") }, started.map(\.run), started.map(\.event),
                started.map(\.seq), started.map(\.function), started.map { _ in UUID() },
            ])
    }
}
