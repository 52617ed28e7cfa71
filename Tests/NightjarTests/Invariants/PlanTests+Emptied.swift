import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

extension PlanTests {
    private static let tables = [
        "live", "waits", "pending", "newcomers", "open_steps", "runs", "events", "match_log", "steps", "outcomes",
        "idempotency", "held_slots",
    ]

    @Test("A table that was analyzed in a moment when it was empty is read from end to end by nothing")
    func analyzedWhileEmpty() async throws {
        try await TestDatabase.with { database in
            let watcher = try await Probe(database)
            try await watcher.register(Self.functions)
            try await Self.grow(watcher, to: 20_000)
            try await watcher.script("VACUUM ANALYZE")
            let worker = try await Probe(database)
            _ = try await Self.pages(worker, watcher, round: "first", emptied: [])
            let usual = try await Self.pages(worker, watcher, round: "usual", emptied: [])

            let sets = [Self.tables] + Self.tables.map { [$0] }
            for (emptied, everHadRows) in sets.flatMap({ set in [(set, false), (set, true)] }) {
                let label = (emptied.count == 1 ? emptied[0] : "all") + (everHadRows ? " again" : "")
                let pages = try await Self.pages(
                    worker, watcher, round: label, emptied: emptied, everHadRows: everHadRows)
                #expect(pages.map(\.part) == usual.map(\.part))
                for (now, then) in zip(pages, usual) {
                    #expect(
                        now.pages <= then.pages * 2 + 300,
                        "\(now.part), \(label) analyzed while empty: \(now.pages) pages instead of \(then.pages)")
                }
            }
        }
    }

    @Test("Planned while `waits` was swept empty after fuller days, nothing reads an index of it from end to end")
    func plannedWhileSwept() async throws {
        try await TestDatabase.with { database in
            let watcher = try await Probe(database)
            try await watcher.register(Self.functions)
            for table in Self.tables {
                let parts = try await watcher.value(
                    """
                    SELECT string_agg(format('ALTER TABLE %s SET (autovacuum_enabled = off)', c.oid::regclass), ';')
                    FROM pg_class c WHERE c.relnamespace = 'nightjar'::regnamespace AND c.relkind = 'r'
                      AND c.relname ~ '^\(table)(_\\d+)?$'
                    """, as: String.self)
                try await watcher.script(parts)
            }
            try await Self.grow(watcher, to: 2_000)
            try await watcher.script("ANALYZE nightjar.waits")
            // Without a page: as vacuum leaves a table when the last run has ended.
            try await watcher.script(
                "TRUNCATE nightjar.waits, nightjar.live, nightjar.open_steps; ANALYZE nightjar.waits")
            let worker = try await Probe(database)
            let lease = Lease(run: UUID(), session: worker.session, epoch: 1)
            #expect(try await worker.commit([LeasedCommit(lease: lease, tenant: 1, next: .run(.keep))]).isEmpty)
            #expect(try await worker.claim().runs.isEmpty)
            let swept = try await Self.day(worker, watcher, round: "swept")
            try await Self.grow(watcher, to: 20_000, hasLog: false)
            let full = try await Self.day(worker, watcher, round: "full")
            // A look reads the dead rows of `pending`, which nobody vacuums here.
            for (now, then) in zip(full, swept) where now.part != "look" {
                #expect(
                    now.pages <= then.pages * 2 + 300,
                    "\(now.part): \(now.pages) pages instead of \(then.pages)")
            }
        }
    }

    /// `post` waits for cancels in four places; runs of `timer` are what there is besides; `other` is invoked.
    private static let functions = #"""
        [{"name": "post", "options": {}, "triggers": [{"event": "test/post"}], "cancel": [
           {"event": "test/cancel", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]},
           {"event": "test/stop", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]},
           {"event": "test/stop", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "other"]}]},
           {"event": "test/post", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}]},
         {"name": "timer", "options": {"start_timeout_ms": 100000000000}, "triggers": [{"event": "test/timer"}], "cancel": [
           {"event": "test/cancel", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}]},
         {"name": "other", "options": {}, "triggers": [{"event": "test/never"}], "cancel": []}]
        """#

    private static let leased =
        "SELECT run_id, epoch FROM nightjar.live WHERE session_id = $1 AND state = 1 ORDER BY run_id"

    /// Many runs that are scheduled and wait, each with a step, and as many old match keys, ids and outcomes.
    /// - Parameter hasLog: Also events that cancelled nothing. What they leave dead in `pending` is for vacuum.
    private static func grow(_ watcher: Probe, to size: Int32, hasLog: Bool = true) async throws {
        try await watcher.run { db in
            _ = try db.execute(
                """
                INSERT INTO nightjar.events (name, data, ts, id)
                SELECT 'test/timer', jsonb_build_object('key', 'w' || n), now() + interval '30 days', 'timer ' || n
                FROM generate_series(1, $1::int) n
                """, [size])
            if hasLog {
                _ = try db.execute(
                    """
                    INSERT INTO nightjar.events (name, data)
                    SELECT 'test/cancel', jsonb_build_object('key', 'x' || n) FROM generate_series(1, $1::int) n
                    """, [size])
                try db.script("DELETE FROM nightjar.pending")
            }
            try db.script(
                """
                -- As commits do it, some at a time.
                DO $$
                BEGIN
                    FOR part IN 0 .. (SELECT count(*) / 500 FROM nightjar.live) LOOP
                        INSERT INTO nightjar.open_steps
                            (run_id, step, kind, started_at, due_at, spec, tenant_id, searched, looked)
                        SELECT run_id, 'wait', 4, now(), now() + interval '40 days', '{"event": "test/approved", "branches": [
                                   {"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}', tenant_id, true, true
                        FROM nightjar.live ORDER BY run_id OFFSET part * 500 LIMIT 500;
                    END LOOP;
                END $$;
                INSERT INTO nightjar.steps (run_id, step, tenant_id, kind, failed, attempt, started_at, ended_at)
                SELECT run_id, 'before', tenant_id, 1, false, 1, now(), now() FROM nightjar.live;
                INSERT INTO nightjar.outcomes (run_id, tenant_id, function_id, status)
                SELECT nightjar.uuid7(), tenant_id, function_id, 1 FROM nightjar.live;
                INSERT INTO nightjar.held_slots (key, run_id, tenant_id, function_id, limit_id, whole, most)
                SELECT gen_random_uuid(), run_id, tenant_id, function_id, 1, true, 1 FROM nightjar.live ON CONFLICT DO NOTHING;
                """)
        }
    }

    /// The pages that each part of a day in the life of fifty runs touches, while the planner takes some tables for empty.
    private static func pages(
        _ worker: Probe, _ watcher: Probe, round: String, emptied: [String], everHadRows: Bool = true
    ) async throws -> [(part: String, pages: Int64)] {
        // What ANALYZE leaves of a table that has pages, but no rows: the planner counts on one row, whatever its size is.
        try await watcher.run { db in
            if !everHadRows {
                // Nor does it know what columns hold.
                _ = try db.execute(
                    """
                    DELETE FROM pg_statistic s USING pg_class c, unnest($1::text[]) AS t (name)
                    WHERE s.starelid = c.oid AND c.relnamespace = 'nightjar'::regnamespace
                      AND c.relname ~ ('^' || t.name || '(_\\d+)?$')
                    """, [emptied])
            }
            _ = try db.execute(
                """
                UPDATE pg_class c SET relpages = 1, reltuples = 0
                FROM unnest($1::text[]) AS t (name)
                WHERE c.relnamespace = 'nightjar'::regnamespace AND c.relkind IN ('r', 'p')
                  AND c.relname ~ ('^' || t.name || '(_\\d+)?$')
                """, [emptied])
        }
        let parts = try await day(worker, watcher, round: round)
        for table in Set(emptied).union(["live", "waits", "pending", "newcomers", "open_steps"]).sorted() {
            try await watcher.script("VACUUM ANALYZE nightjar.\(table)")
        }
        return parts
    }

    /// The pages that each part of a day in the life of fifty runs touches.
    private static func day(
        _ worker: Probe, _ watcher: Probe, round: String
    ) async throws -> [(part: String, pages: Int64)] {
        var parts: [(part: String, pages: Int64)] = []
        func touched(_ part: String, _ body: @escaping @Sendable (PostgresConnection) throws -> Void) async throws {
            var scans: [String] = []
            parts.append((part, try await Self.touched(worker, &scans, body)))
            #expect(scans == [], "\(part): read from end to end: \(scans)")
        }
        func send(_ name: String, _ numbers: ClosedRange<Int32>) async throws {
            try await touched("send \(name)") { db in
                _ = try db.execute(
                    """
                    INSERT INTO nightjar.events (name, data, id)
                    SELECT $1, jsonb_build_object('key', $2::text || '-' || n), CASE WHEN n % 2 = 0 THEN $1 || $2 || n END
                    FROM generate_series($3::int, $4::int) n
                    """, [name, round, numbers.lowerBound, numbers.upperBound])
            }
            try await touched("apply \(name)") { db in
                for _ in 0..<2 { _ = try db.query(Statement.applyPending.sql, [Int32(256), Int32(500), Int64(0)]) }
            }
        }
        let session = worker.session
        func commit(
            _ part: String, mail: Int = 0, _ body: @escaping @Sendable (Int, Lease) throws -> LeasedCommit?
        ) async throws {
            let leases = try await worker.run { db in
                try db.query(Self.leased, [session]).map {
                    Lease(run: try $0.decode(0), session: session, epoch: try $0.decode(1))
                }
            }
            try await touched(part) { db in
                var batch = CommitBatch()
                let commits = try leases.enumerated().compactMap { try body($0.offset, $0.element) }
                for commit in commits { try batch.add(commit) }
                #expect(try batch.record(db, session: session).count == commits.count)
            }
        }
        func claim(_ part: String, count: Int) async throws {
            try await touched(part) { db in
                let claim = try Claim.make(
                    db, queue: try Probe.queue(db), functions: [1, 2, 3], session: session, limit: count, low: .min)
                #expect(claim.runs.count == count, "\(part), \(round)")
            }
        }
        let began = Date()

        try await send("test/post", 0...50)
        try await send("test/cancel", 0...0)
        try await touched("look") { db in
            _ = try db.query(
                Statement.look.sql,
                [Int32(1), session, [Int32(1), 2, 3], nil as UUID?, Int64.min, nil as Duration?, nil as [UUID]?])
        }
        try await claim("claim", count: 50)
        let later = Date(timeIntervalSinceNow: 3_600)
        try await commit("open") { index, lease in
            guard index < 35 else { return nil }
            let step: OpenStep =
                index < 25
                ? .wait("wait", for: "test/approved", try .path("data.key")) : .invocation("call", of: "other")
            return LeasedCommit(
                lease: lease, tenant: 1, openings: [step], next: .run(.park(until: later, reason: .waiting)))
        }
        try await touched("look back") { db in
            _ = try db.query(Statement.lookBack.sql, [Int32(100), UUID.lowest, ""])
        }
        try await touched("newcomers") { db in _ = try db.query(Statement.searchNewcomers.sql, [Int32(50)]) }
        try await send("test/approved", 1...50)
        // Answered runs, and invoked ones.
        try await claim("claim what was answered", count: 35)
        try await touched("resolve") { db in
            let runs = try db.query(Self.leased, [session])
            _ = try db.query(
                Statement.resolve.sql,
                [
                    session, try runs.map { try $0.decode(0, as: UUID.self) },
                    try runs.map { try $0.decode(1, as: Int32.self) }, runs.map { _ in "wait" },
                    runs.map { _ in Int16?.none }, runs.map { _ in false },
                ])
        }
        try await commit("end") { index, lease in
            LeasedCommit(
                lease: lease, tenant: 1, steps: index < 35 ? [.done("a")] : [],
                next: .run(index < 35 ? .end(.completed(output: "1")) : .park(until: later, reason: .sleeping)))
        }
        try await send("test/stop", 1...50)
        try await touched("preview") { db in
            _ = try db.query("SELECT 1 FROM nightjar.preview('test/cancel', jsonb_build_object('key', 'w1'))")
        }
        try await touched("reschedule") { db in
            for _ in 0..<2 {
                _ = try db.query(
                    "SELECT 1 FROM nightjar.reschedule('test/post', jsonb_build_object('key', $1::text))", [round])
            }
        }
        try await touched("grant slots") { db in
            let queue = try Probe.queue(db)
            _ = try db.query(
                Statement.grantSlots.sql,
                [
                    queue, [Int32(1), 2, 3], Int32(100), [UUID](), [UUID](), true, nil as UUID?, nil as UUID?,
                ])
        }
        try await touched("expire") { db in _ = try db.query(Statement.expire.sql, [Int32(100)]) }
        try await touched("cancel many") { db in
            _ = try db.query("SELECT nightjar.bulk_cancel(created_after => $1)", [began])
            _ = try db.query("SELECT 1 FROM nightjar.bulk_advance(1000)")
        }

        try await watcher.script(
            """
            DELETE FROM nightjar.live WHERE function_id <> 2;
            DELETE FROM nightjar.pending;
            DELETE FROM nightjar.newcomers n WHERE NOT EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = n.run_id OFFSET 0);
            """)
        return parts
    }
}

extension UUID {
    fileprivate static let lowest = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
}
