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
    ) async throws -> Double {
        try await clear()
        let counts = Counter()
        let took = try await inParallel(
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
        return Double(counts.total) / took
    }

    private func clear() async throws {
        let session = PostgresSession(database, logger: .quiet)
        try await session.run { db in
            try db.script("TRUNCATE ceiling.events, ceiling.runs, ceiling.live, ceiling.waits")
        }
        await session.close()
    }

    /// Measured and rejected: one INSERT a row in the same pipeline; one statement of several INSERTs in WITH.
    private static func insert(_ db: PostgresConnection, _ group: Range<Int>, functions: Int) throws {
        let events = group.map { _ in UUIDv7.make() }
        let data = group.map { PostgresJSON("{\"n\":\($0)}") }
        var statements: [PostgresStatement<Int>] = [
            PostgresStatement(
                """
                INSERT INTO ceiling.events (event_id, tenant_id, name, data)
                SELECT e.event_id, 1, 'bench/tick', e.data FROM unnest($1::uuid[], $2::jsonb[]) AS e (event_id, data)
                """, [events, data])
        ]
        for function in 0..<functions {
            let runs = group.map { _ in UUIDv7.make() }
            let passes = group.map { Int64($0) }
            statements += [
                PostgresStatement(
                    """
                    INSERT INTO ceiling.runs (run_id, tenant_id, function_id, event_id, event_seq, created_at)
                    SELECT r.run_id, 1, $4::int, r.event_id, r.seq, now()
                    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS r (run_id, event_id, seq)
                    """, [runs, events, passes, Int32(function)]),
                PostgresStatement(
                    """
                    INSERT INTO ceiling.live (run_id, event_id, pass, queue, tenant_id, function_id)
                    SELECT r.run_id, r.event_id, r.seq, 1, 1, $4::int
                    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS r (run_id, event_id, seq)
                    """, [runs, events, passes, Int32(function)]),
                PostgresStatement(
                    """
                    INSERT INTO ceiling.waits (tenant_id, policy_id, key, run_id, since)
                    SELECT 1, $4::int, w.key, w.run_id, w.seq
                    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS w (run_id, key, seq)
                    """, [runs, group.map { _ in UUID() }, passes, Int32(function)]),
            ]
        }
        try db.batch(statements)
    }
}
