import Foundation
import Nightjar

extension BenchCeiling {
    /// How many transactions some runs took.
    struct Commits: Sendable {
        var runs: Int
        var steps: Int
        var claims: Int
        var commits: Int
    }

    /// Runs a second: each is leased, its steps and its outcome are recorded, its live row and its wait deleted.
    ///
    /// With as many claims and as many commits as ours, of as many rows each.
    ///
    /// - Parameter connections: two, as many as a worker has for its commits; a third claimed for it.
    func execute(_ work: Commits, connections: Int = 2) async throws -> Result {
        let ids = try await seed(work.runs)
        let lanes = (0..<connections).map { lane in
            ids.count * lane / connections..<ids.count * (lane + 1) / connections
        }
        var result = try await inParallel(
            connections,
            warmUp: { db in
                try Self.claim(db, [])
                try Self.commit(db, [], steps: 0..<0, of: work.steps)
            }
        ) { db, number in
            let lane = lanes[number]
            let mean = Double(work.runs) / Double(max(1, work.claims))
            for group in Self.groups(of: lane, mean: mean) {
                try Self.claim(db, ids[group])
            }
            // The steps one behind the other, and each run's end with its last one.
            let steps = lane.count * work.steps
            let perCommit = Double(work.runs * work.steps) / Double(max(1, work.commits))
            for group in Self.groups(of: 0..<steps, mean: perCommit) {
                try Self.commit(db, ids[lane], steps: group, of: work.steps)
            }
        }
        result.count = work.runs
        return result
    }

    private static func claim(_ db: PostgresConnection, _ ids: ArraySlice<UUID>) throws {
        try db.execute(
            """
            UPDATE ceiling.live SET state = 1, session_id = '00000000-0000-4000-8000-000000000000',
                epoch = epoch + 1, started_at = now()
            WHERE run_id = ANY ($1::uuid[])
            """, [Array(ids)])
    }

    private static func groups(of range: Range<Int>, mean: Double) -> [Range<Int>] {
        var groups: [Range<Int>] = []
        var index = 0
        while (groups.last?.upperBound ?? range.lowerBound) < range.upperBound {
            let group = group(index, mean: max(1, mean))
            index += 1
            let start = range.lowerBound + group.lowerBound
            groups.append(start..<min(range.lowerBound + group.upperBound, range.upperBound))
        }
        return groups
    }

    private static func commit(
        _ db: PostgresConnection, _ ids: ArraySlice<UUID>, steps: Range<Int>, of count: Int
    ) throws {
        let recorded = steps.map { (run: ids[ids.startIndex + $0 / count], step: "add:\($0 % count)", position: $0) }
        let ended = recorded.filter { $0.position % count == count - 1 }.map(\.run)
        try db.execute(
            """
            WITH step AS (
                INSERT INTO ceiling.steps (run_id, step, tenant_id, kind, failed, attempt, output, started_at, ended_at)
                SELECT s.run_id, s.step, 1, 1, false, 1, s.output, now(), now()
                FROM unnest($1::uuid[], $2::text[], $3::jsonb[]) AS s (run_id, step, output)
            ), gone AS (
                DELETE FROM ceiling.live WHERE run_id = ANY ($4::uuid[])
            ), unheard AS (
                DELETE FROM ceiling.waits WHERE run_id = ANY ($4::uuid[])
            )
            INSERT INTO ceiling.outcomes (run_id, tenant_id, function_id, status, started_at, output)
            SELECT o.run_id, 1, 1, 1, now(), o.output FROM unnest($4::uuid[], $5::jsonb[]) AS o (run_id, output)
            """,
            [
                recorded.map(\.run), recorded.map(\.step), recorded.map { PostgresJSON("\($0.position)") }, ended,
                ended.map { _ in PostgresJSON("1") },
            ])
    }

    /// Makes a backlog, as ours is before it is executed.
    private func seed(_ runs: Int) async throws -> [UUID] {
        let session = PostgresSession(database, logger: .quiet)
        let ids = (0..<runs).map { _ in UUIDv7.make() }
        try await session.run { db in
            for start in stride(from: 0, to: runs, by: 1_000) {
                let group = Array(ids[start..<min(start + 1_000, runs)])
                try db.batch([
                    PostgresStatement(
                        """
                        INSERT INTO ceiling.live (run_id, event_id, pass, queue, tenant_id, function_id)
                        SELECT r, r, 1, 1, 1, 1 FROM unnest($1::uuid[]) r
                        """, [group]),
                    PostgresStatement(
                        """
                        INSERT INTO ceiling.waits (tenant_id, policy_id, key, run_id, since)
                        SELECT 1, 1, gen_random_uuid(), r, 1 FROM unnest($1::uuid[]) r
                        """, [group]),
                ])
            }
            try db.script("VACUUM ceiling.live, ceiling.waits")
        }
        await session.close()
        return ids
    }
}
