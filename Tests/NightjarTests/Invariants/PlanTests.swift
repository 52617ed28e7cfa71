import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// The engine's plans are made once. They must be right at any size that the tables have later.
struct PlanTests {
    @Test(
        "Planned while everything is empty, a claim and a commit touch a bounded number of pages when much is pending")
    func pendingBurst() async throws {
        try await TestDatabase.with { database in
            let worker = try await Probe(database)
            let watcher = try await Probe(database)
            let policies = (0..<6).map {
                #"{"event": "test/cancel", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "k\#($0)"]}]}"#
            }
            try await worker.register(
                """
                [{"name": "post", "options": {}, "triggers": [{"event": "test/post"}],
                  "cancel": [\(policies.joined(separator: ", "))]}]
                """)
            try await watcher.script(
                "VACUUM ANALYZE nightjar.pending, nightjar.live, nightjar.waits, nightjar.match_log")
            // The plans of this connection: made now, and used for good.
            try await worker.send("test/post", key: "first")
            let first = try #require(try await worker.claim().runs.first?.lease)
            #expect(try await worker.complete(first))

            try await watcher.run { db in
                try db.script(
                    """
                    INSERT INTO nightjar.pending (tenant_id, key, seq, event_id, asked_at)
                    SELECT 1, gen_random_uuid(), nextval('nightjar.event_seq'), gen_random_uuid(), now()
                    FROM generate_series(1, 20000)
                    """)
                _ = try db.query(
                    """
                    WITH sent AS (INSERT INTO nightjar.events (name, data)
                                  SELECT 'test/post', jsonb_build_object('key', n) FROM generate_series(1, 200) n RETURNING 1)
                    SELECT count(*) FROM sent
                    """)
            }
            let before = try await Self.pages(watcher)
            let leases = try await worker.claim(limit: 200).runs.map(\.lease)
            #expect(leases.count == 200)
            let claimed = try await Self.pages(watcher)
            let accepted = try await worker.commit(
                leases.map {
                    LeasedCommit(lease: $0, tenant: 1, steps: [.done("a")], next: .run(.end(.completed(output: "1"))))
                })
            #expect(accepted.count == 200)
            let committed = try await Self.pages(watcher)
            // A scan of what is pending for each run would be hundreds of pages a run.
            #expect((claimed - before) / 200 < 150, "\(claimed - before) pages for a claim of 200")
            #expect((committed - claimed) / 200 < 150, "\(committed - claimed) pages for a commit of 200")
        }
    }

    /// Pages that were touched in this database so far.
    private static func pages(_ probe: Probe) async throws -> Int64 {
        // Another backend's figures arrive when it has been idle for a second.
        var last: Int64 = -1
        var stable = 0
        try await eventually("the figures have arrived") {
            let now = try await probe.run { db in
                _ = try db.query("SELECT pg_sleep(0.3), pg_stat_clear_snapshot()").count
                return try db.query(
                    """
                    SELECT sum(coalesce(heap_blks_hit, 0) + coalesce(heap_blks_read, 0) + coalesce(idx_blks_hit, 0)
                               + coalesce(idx_blks_read, 0))::bigint
                    FROM pg_statio_user_tables WHERE schemaname = 'nightjar'
                    """)[0].decode(0, as: Int64.self)
            }
            stable = now == last ? stable + 1 : 0
            last = now
            return stable >= 5
        }
        return last
    }
}
