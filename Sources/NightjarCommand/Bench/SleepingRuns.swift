import Foundation
import Nightjar

/// Many runs that sleep, made by plain SQL: events by insertion, so that triggers do all that follows from them, and then
/// what a claim and the commit that parks them would have written, copied from one run to which it really happened.
struct SleepingRuns {
    let arena: BenchArena

    /// Makes them; none is due within a month.
    func make(_ count: Int) async throws {
        guard count > 0 else { return }
        try await makeOne()
        let chunk = 20_000
        let session = PostgresSession(arena.database, logger: .quiet)
        try await session.run { db in
            try db.script("SET statement_timeout = 0; SET nightjar.hints = 'own'")
            for start in stride(from: 1, to: count, by: chunk) {
                try db.transaction { db in
                    _ = try db.execute(
                        """
                        INSERT INTO nightjar.events (name, data)
                        SELECT 'bench/nap', jsonb_build_object('n', n) FROM generate_series($1::int, $2::int) AS n
                        """, [Int32(start), Int32(min(start + chunk, count) - 1)])
                    _ = try db.execute(
                        """
                        WITH parked AS (
                            UPDATE nightjar.live SET state = 2, epoch = 1, started_at = now(), newcomer = false,
                                due_at = now() + interval '30 days' + random() * interval '1 day'
                            WHERE state = 0 RETURNING run_id, due_at
                        )
                        INSERT INTO nightjar.steps (run_id, step, name, tenant_id, kind, failed, attempt, output, error,
                                                    due_at, started_at, ended_at)
                        SELECT p.run_id, s.step, s.name, s.tenant_id, s.kind, s.failed, s.attempt, s.output, s.error,
                               p.due_at, now(), now()
                        FROM parked p CROSS JOIN (SELECT * FROM nightjar.steps LIMIT 1) s
                        """)
                }
            }
            try db.script("VACUUM ANALYZE")
            let made = try db.query("SELECT count(*) FROM nightjar.live WHERE state = 2")[0].decode(0, as: Int64.self)
            guard made == Int64(count) else { throw CommandError(.failure, "\(made) of \(count) runs sleep") }
        }
        await session.close()
    }

    private func makeOne() async throws {
        let client = Client(database: arena.database, logger: .quiet)
        let session = PostgresSession(arena.database, logger: .quiet)
        try await arena.withWorker(BenchFunctions.all(steps: 1, BenchGate())) {
            try await client.send(BenchFunctions.Nap(n: 0))
            while try await session.run({ db in
                try db.query("SELECT count(*) FROM nightjar.live WHERE state = 2")[0].decode(0, as: Int64.self)
            }) == 0 { try await Task.sleep(for: .milliseconds(5)) }
        }
        await session.close()
        await client.close()
    }
}
