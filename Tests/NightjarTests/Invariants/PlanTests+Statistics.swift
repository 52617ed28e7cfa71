import Foundation
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

extension PlanTests {
    /// What the planner knows when it plans the engine's statements for good.
    enum Statistics: String, CaseIterable, Sendable {
        /// Planned and executed while the tables were empty; then they grew.
        case plannedWhileEmpty
        /// The tables grew since they were analyzed.
        case stale
        case fresh
    }

    @Test(
        "The match probe, the claim and the commit use their indexes, whatever the statistics, on small and large tables",
        arguments: Statistics.allCases, [0, 30_000])
    func statistics(_ statistics: Statistics, size: Int) async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let watcher = try await Probe(database)
            try await watcher.register(
                #"""
                [{"name": "timer", "options": {}, "triggers": [{"event": "test/timer"}], "cancel": [
                  {"event": "test/cancel", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}]}]
                """#)
            try await watcher.script("VACUUM ANALYZE")
            var worker = try await Probe(database)
            if statistics == .plannedWhileEmpty {
                // Not a page was ever written. Analyzed later, tables would have these plans made anew.
                for table in ["live", "waits", "pending", "open_steps", "newcomers"] {
                    try await watcher.script("ALTER TABLE nightjar.\(table) SET (autovacuum_enabled = off)")
                }
                let lease = Lease(run: UUID(), session: worker.session, epoch: 1)
                #expect(try await worker.commit([LeasedCommit(lease: lease, tenant: 1, next: .run(.keep))]).isEmpty)
                #expect(try await worker.claim().runs.isEmpty)
                try await worker.applyPending()
                _ = try await Self.measure(worker, round: 0)
            }
            try await watcher.run { db in
                for start in stride(from: 0, to: size, by: 5_000) {
                    _ = try db.query(
                        """
                        WITH sent AS (INSERT INTO nightjar.events (name, data, ts)
                                      SELECT 'test/timer', jsonb_build_object('key', 'w' || n), now() + interval '30 days'
                                      FROM generate_series($1::int, $1 + 4999) n RETURNING 1)
                        SELECT count(*) FROM sent
                        """, [Int32(start)])
                }
            }
            if statistics == .fresh { try await watcher.script("VACUUM ANALYZE") }
            if statistics != .plannedWhileEmpty { worker = try await Probe(database) }

            let use = try await Self.measure(worker, round: 1)
            #expect(use.cancel < 250, "\(use.cancel) pages for an event that cancels one run, and its application")
            #expect(use.claim < 60, "\(use.claim) pages a run for a claim")
            #expect(use.commit < 60, "\(use.commit) pages a run for a commit")
            #expect(use.scans == [], "read from end to end: \(use.scans)")
        }
    }

    private struct Use {
        var cancel: Int64 = 0
        var claim: Int64 = 0
        var commit: Int64 = 0
        var scans: [String] = []
    }

    /// Pages touched by one cancelling event with one match, and a run for claims and commits of fifty.
    private static func measure(_ worker: Probe, round: Int) async throws -> Use {
        let count: Int64 = 50
        try await worker.run { db in
            _ = try db.query(
                """
                WITH sent AS (INSERT INTO nightjar.events (name, data)
                              SELECT 'test/post', jsonb_build_object('key', 'r' || $1 || '-' || n)
                              FROM generate_series(0, $2) n RETURNING 1)
                SELECT count(*) FROM sent
                """, [String(round), count])
        }
        // Their own keys are pending too.
        try await worker.run { db in
            while try db.query("SELECT EXISTS (SELECT FROM nightjar.pending)")[0].decode(0, as: Bool.self) {
                _ = try db.query("SELECT * FROM nightjar.apply_pending(500, 500, 0)")
            }
        }
        var use = Use()
        use.cancel = try await touched(worker, &use.scans) { db in
            _ = try db.execute(
                "INSERT INTO nightjar.events (name, data) VALUES ('test/cancel', jsonb_build_object('key', $1::text))",
                ["r\(round)-0"])
        }
        use.cancel += try await touched(worker, &use.scans) { db in
            _ = try db.query(Statement.applyPending.sql, [Int32(256), Int32(500), Int64(0)])
        }
        let session = worker.session
        use.claim =
            try await touched(worker, &use.scans) { db in
                _ = try Claim.make(
                    db, queue: try Probe.queue(db), functions: [1, 2], session: session, limit: Int(count), low: .min)
            } / count
        let leases = try await worker.run { db in
            try db.query("SELECT run_id, epoch FROM nightjar.live WHERE session_id = $1", [session]).map {
                Lease(run: try $0.decode(0), session: session, epoch: try $0.decode(1))
            }
        }
        #expect(leases.count == Int(count))
        use.commit =
            try await touched(worker, &use.scans) { db in
                var batch = CommitBatch()
                for lease in leases {
                    try batch.add(
                        LeasedCommit(
                            lease: lease, tenant: 1, steps: [.done("a")], next: .run(.end(.completed(output: "1")))))
                }
                let answers = try batch.record(db, session: session)
                #expect(answers.count == Int(count))
            } / count
        return use
    }

    /// Pages that a transaction of the worker's connection touches; whatever vacuum does meanwhile is not counted.
    static func touched(
        _ worker: Probe, _ scans: inout [String], _ body: @escaping @Sendable (PostgresConnection) throws -> Void
    ) async throws -> Int64 {
        let (pages, scanned) = try await worker.run { db in
            _ = try db.query("SELECT pg_stat_force_next_flush()")
            return try db.transaction { db in
                try body(db)
                let pages = try db.query(
                    """
                    SELECT sum(pg_stat_get_xact_blocks_fetched(c.oid))::bigint FROM pg_class c
                    WHERE c.relnamespace = 'nightjar'::regnamespace AND c.relkind IN ('r', 'i')
                    """)[0].decode(0, as: Int64.self)
                let scanned = try db.query(
                    """
                    SELECT relname::text FROM pg_stat_xact_user_tables
                    WHERE schemaname = 'nightjar' AND seq_scan > 0
                      AND relname ~ '^(live|waits|open_steps|newcomers|runs|events|match_log|outcomes|steps|held_slots)'
                    """
                ).map { try $0.decode(0, as: String.self) }
                return (pages, scanned)
            }
        }
        scans += scanned
        return pages
    }
}
