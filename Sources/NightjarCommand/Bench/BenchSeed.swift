import Foundation
import Nightjar

/// Runs that are there before something is measured, made by SQL in the state in which a worker would have left them.
///
/// A million takes a minute or two. The triggers are off meanwhile; what they would have written is written here.
struct BenchSeed: Sendable {
    let arena: BenchArena
    /// How many steps the function has.
    let steps: Int

    /// Runs that sleep, each after one recorded sleep, for a month; with the wait of their cancellation policy.
    func sleeping(_ count: Int) async throws {
        try await make(
            count, from: 1_000_000_000,
            """
            , asleep AS (
                INSERT INTO nightjar.live (run_id, event_id, pass, due_at, started_at, queue, tenant_id, function_id, epoch, state)
                SELECT r.run_id, r.event_id, r.seq, now() + interval '30 days', now(), f.queue, 1, f.function_id, 1, 2
                FROM r CROSS JOIN f
            ), waiting AS (
                INSERT INTO nightjar.waits (tenant_id, policy_id, key, run_id, since)
                SELECT 1, p.policy_id, nightjar.match_key(p.event, p.event_path, r.data -> 'n'), r.run_id, r.seq
                FROM r CROSS JOIN f JOIN nightjar.cancel_policies p ON p.function_id = f.function_id AND p.active
            )
            INSERT INTO nightjar.steps (run_id, step, tenant_id, kind, failed, attempt, due_at, started_at, ended_at)
            SELECT r.run_id, 'nap', 1, 2, false, 1, now() + interval '30 days', now(), now() FROM r
            """)
    }

    /// Runs that have ended long ago: rows of the logs.
    func finished(_ count: Int) async throws {
        try await make(
            count, from: 2_000_000_000,
            """
            , ended AS (
                INSERT INTO nightjar.outcomes (run_id, tenant_id, function_id, status, started_at, output)
                SELECT r.run_id, 1, f.function_id, 1, now(), r.data -> 'n' FROM r CROSS JOIN f
            )
            INSERT INTO nightjar.steps (run_id, step, tenant_id, kind, failed, attempt, output, started_at, ended_at)
            SELECT r.run_id, concat('add', nullif(':' || s, ':0')), 1, 1, false, 1, r.data -> 'n', now(), now()
            FROM r CROSS JOIN generate_series(0, \(steps - 1)) s
            """)
    }

    /// - Parameter rest: what besides the event and the run belongs to it.
    private func make(_ count: Int, from first: Int, _ rest: String) async throws {
        guard count > 0 else { return }
        let session = PostgresSession(arena.database, logger: .quiet)
        try await session.run { db in
            try db.script("SET statement_timeout = 0; SET enable_hashjoin = on")
            for start in stride(from: 0, to: count, by: 50_000) {
                try db.transaction { db in
                    try Self.switchTriggers("DISABLE", db)
                    try db.script(
                        """
                        WITH f AS (
                            SELECT f.function_id, f.queue FROM nightjar.functions f
                            JOIN nightjar.apps a ON a.app_id = f.app_id WHERE a.name = 'bench' AND f.name = 'tick'
                        ), e AS (
                            INSERT INTO nightjar.events (name, data, ts, received_at)
                            SELECT '\(BenchFunctions.Tick.eventName)', jsonb_build_object('n', \(first) + n), now(), now()
                            FROM generate_series(\(start), \(min(start + 50_000, count) - 1)) n
                            RETURNING event_id, seq, data
                        ), r AS MATERIALIZED (
                            SELECT nightjar.uuid7() AS run_id, e.* FROM e
                        ), logged AS (
                            INSERT INTO nightjar.runs (run_id, tenant_id, function_id, event_id, event_seq, created_at)
                            SELECT r.run_id, 1, f.function_id, r.event_id, r.seq, now() FROM r CROSS JOIN f
                        )\(rest)
                        """)
                    try Self.switchTriggers("ENABLE", db)
                }
            }
            try db.script("VACUUM ANALYZE")
            let violated = try db.query("SELECT count(*) FROM nightjar.invariants")[0].decode(0, as: Int.self)
            guard violated == 0 else { throw CommandError(.failure, "\(violated) invariants are violated") }
        }
        await session.close()
    }

    /// - Parameter how: `ENABLE` or `DISABLE`.
    static func switchTriggers(_ how: String, _ db: PostgresConnection) throws {
        try db.script(
            """
            DO $$
            DECLARE
                t record;
            BEGIN
                FOR t IN SELECT c.relname, g.tgname FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
                         WHERE c.relnamespace = 'nightjar'::regnamespace AND NOT g.tgisinternal AND g.tgparentid = 0 LOOP
                    EXECUTE format('ALTER TABLE nightjar.%I \(how) TRIGGER %I', t.relname, t.tgname);
                END LOOP;
            END $$
            """)
    }
}
