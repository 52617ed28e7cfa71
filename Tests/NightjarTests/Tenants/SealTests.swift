import Foundation
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

/// Two tenants with the same ids, keys and names; and those who try to reach the other one.
struct SealTests {
    /// What one tenant has, as the owner of the schema sees it.
    private static let holdings = """
        SELECT md5(string_agg(t.row, ';' ORDER BY t.row)) FROM (
            SELECT 'event ' || e::text AS row FROM nightjar.events e WHERE e.tenant_id = 3
            UNION ALL SELECT 'run ' || r::text FROM nightjar.runs r WHERE r.tenant_id = 3
            UNION ALL SELECT 'live ' || l::text FROM nightjar.live l WHERE l.tenant_id = 3
            UNION ALL SELECT 'wait ' || w::text FROM nightjar.waits w WHERE w.tenant_id = 3
            UNION ALL SELECT 'pending ' || p::text FROM nightjar.pending p WHERE p.tenant_id = 3
            UNION ALL SELECT 'id ' || i::text FROM nightjar.idempotency i WHERE i.tenant_id = 3
            UNION ALL SELECT 'step ' || s::text FROM nightjar.steps s WHERE s.tenant_id = 3
            UNION ALL SELECT 'outcome ' || o::text FROM nightjar.outcomes o WHERE o.tenant_id = 3
            UNION ALL SELECT 'tenant ' || t::text FROM nightjar.tenants t WHERE t.tenant_id = 3) t
        """

    /// What can be read by anybody who may read anything; without a condition, so that only the seals keep it apart.
    private static let readable = [
        "tenants", "apps", "functions", "function_triggers", "cancel_policies", "events", "runs", "live", "waits",
        "steps", "open_steps", "attempts", "outcomes", "interruptions", "gathered", "bulk_cancels", "idempotency",
        "run_status", "cancellations",
    ]

    /// Makes `shop` (2) and `cafe` (3), of which each has an app, a queued run, one that has ended and one that waits.
    static func prepare(_ database: TestDatabase) async throws -> Probe {
        let probe = try await Probe(database)
        for name in ["shop", "cafe"] {
            try await probe.script("SELECT nightjar.create_tenant('\(name)'); SET nightjar.tenant = '\(name)'")
            try await probe.register(
                """
                [{"name": "post", "options": {}, "triggers": [{"event": "test/post"}],
                  "cancel": [{"event": "test/cancel", "branches": [
                    {"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}]}]
                """)
            try await probe.script(
                """
                SELECT nightjar.send('test/post', '{"key": "ended"}', 'one');
                SELECT nightjar.cancel(run_id) FROM nightjar.live WHERE tenant_id = nightjar.current_tenant();
                SELECT nightjar.send('test/post', '{"key": "same"}', 'two');
                INSERT INTO nightjar.steps (run_id, step, tenant_id, kind, failed, attempt, output, started_at, ended_at)
                SELECT run_id, 'secret', tenant_id, 1, false, 1, '"of \(name)"', now(), now() FROM nightjar.live
                WHERE tenant_id = nightjar.current_tenant();
                SELECT nightjar.bulk_cancel(function => 'post', created_before => '2001-01-01');
                RESET nightjar.tenant
                """)
        }
        return probe
    }

    @Test("A bound role sees its tenant and no other, whatever it sets", .timeLimit(.minutes(2)))
    func reading() async throws {
        try await TestDatabase.with { database in
            _ = try await Self.prepare(database)
            try await TestRole.with("nightjar_tenant", boundTo: "shop", in: database) { role in
                try await role.connected { db in
                    for setting in ["", "3", "cafe", "1", "-3", "3; RESET ROLE", "nobody"] {
                        try await db.script("SELECT set_config('nightjar.tenant', '\(setting)', false)")
                        #expect(try await db.answer("SELECT nightjar.current_tenant()::text") == "2", "\(setting)")
                        for table in Self.readable {
                            let seen = try await db.answer(
                                "SELECT string_agg(DISTINCT tenant_id::text, ',') FROM nightjar.\(table)")
                            // "*", which stands for all tenants, is one of the tenants' rows.
                            let expected = table == "tenants" ? ["0,2"] : ["2", "null"]
                            #expect(expected.contains(seen), "\(table) with \(setting): \(seen)")
                        }
                        #expect(try await db.answer("SELECT output::text FROM nightjar.steps") == "\"of shop\"")
                    }
                    for table in ["pending", "match_log", "event_keys", "newcomers", "tenant_usage", "invariants"] {
                        #expect(try await db.answer("SELECT count(*)::text FROM nightjar.\(table)").hasPrefix("42501"))
                    }
                }
            }
        }
    }

    @Test("A bound role changes nothing of another tenant, with the same ids, keys and names, and with forged ones")
    func writing() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            let before = try await probe.value(Self.holdings, as: String.self)
            let theirs = try await probe.value(
                "SELECT run_id::text FROM nightjar.live WHERE tenant_id = 3", as: String.self)
            let part = try await probe.value(
                "SELECT min(relid::regclass::text) FROM pg_partition_tree('nightjar.events') WHERE isleaf",
                as: String.self)
            let their = try await probe.value(
                "SELECT event_id::text FROM nightjar.events WHERE tenant_id = 3 AND id = 'two'", as: String.self)
            try await TestRole.with("nightjar_tenant", boundTo: "shop", in: database) { role in
                try await role.connected { db in
                    try await db.script(
                        "SET nightjar.tenant = 'cafe'; SET nightjar.signal = 'sent'; SET nightjar.worker = 'on'")
                    for refused in [
                        "INSERT INTO nightjar.events (tenant_id, name) VALUES (3, 'test/cancel')",
                        "INSERT INTO nightjar.events (tenant_id, name, data) SELECT 3, 'test/post', '{}' FROM generate_series(1, 3)",
                        "INSERT INTO nightjar.events (name, seq) VALUES ('test/cancel', 9223372036854775807)",
                        "INSERT INTO nightjar.events (name, received_at) VALUES ('test/cancel', '2001-01-01')",
                        "INSERT INTO nightjar.events (name, data) VALUES ('inngest/function.invoked', '{\"_nightjar\": {\"parent\": \"\(theirs)\"}}')",
                        "INSERT INTO nightjar.events (name) VALUES ('Inngest/function.finished')",
                        "COPY nightjar.events (tenant_id, name) FROM PROGRAM 'echo 3'",
                        "UPDATE nightjar.events SET tenant_id = 2", "DELETE FROM nightjar.events",
                        "TRUNCATE nightjar.events",
                        "UPDATE nightjar.live SET queue = 0", "DELETE FROM nightjar.live",
                        "SELECT FROM nightjar.live FOR UPDATE",
                        "INSERT INTO nightjar.pending (tenant_id, key, seq, asked_at) VALUES (3, '\(theirs)', 1, now())",
                        "INSERT INTO nightjar.outcomes (run_id, tenant_id, function_id, status) VALUES ('\(theirs)', 2, 1, 1)",
                        "INSERT INTO nightjar.waits SELECT * FROM nightjar.waits",
                        "DO 'BEGIN LOCK TABLE nightjar.live; END'",
                        "UPDATE nightjar.tenants SET name = 'mine'", "SELECT setval('nightjar.event_seq', 1)",
                        "INSERT INTO \(part) (tenant_id, name) VALUES (3, 'test/cancel')",
                    ] {
                        let answer = try await db.answer(refused)
                        #expect(answer.hasPrefix("42501"), "\(refused): \(answer)")
                    }
                    #expect(try await db.answer("SELECT nightjar.cancel('\(theirs)')") == "unknown")
                    #expect(try await db.answer("SELECT nightjar.cancel(NULL)") == "unknown")
                    // The same event id: it is known that there is one, and nothing else.
                    let same = try await db.answer(
                        "INSERT INTO nightjar.events (event_id, name) VALUES ('\(their)', 'a/b')")
                    #expect(same.hasPrefix("23505"), "\(same)")
                    // The same key, name and id: its own run ends, and the other one goes on.
                    _ = try await db.answer("SELECT nightjar.send('test/cancel', '{\"key\": \"same\"}', 'two')")
                    _ = try await db.answer("SELECT nightjar.send('test/post', '{\"key\": \"same\"}', 'three')")
                }
            }
            try await probe.applyPending()
            let after = try await probe.value(Self.holdings, as: String.self)
            #expect(after == before)
            let own = try await probe.value(
                "SELECT string_agg(status, ' ' ORDER BY run_id) FROM nightjar.run_status WHERE tenant_id = 2",
                as: String.self)
            #expect(own == "cancelled cancelled queued")
        }
    }

    @Test("What looks like SQL in any text is text")
    func injection() async throws {
        let texts = [
            "'; UPDATE nightjar.live SET tenant_id = 2; --", "x' OR '1'='1", "$$; DROP SCHEMA nightjar CASCADE; $$",
            "\"; RESET ROLE; --",
            "%s%I%L", "') , (3, 'test/cancel", "nightjar.tenant", "\\'; --",
        ]
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            let before = try await probe.value(Self.holdings, as: String.self)
            try await TestRole.with("nightjar_tenant", boundTo: "shop", in: database) { role in
                try await role.connected { db in
                    for text in texts {
                        try await db.run { db in
                            let json = PostgresJSON(
                                "{\"key\": \(String(decoding: try JSONEncoder().encode(text), as: UTF8.self))}")
                            try db.query("SELECT set_config('nightjar.tenant', $1, false)", [text])
                            try db.query("SELECT nightjar.send($1, $2, $1, NULL, $2)", [text, json])
                            try db.query(
                                "INSERT INTO nightjar.events (name, data, id) VALUES ($1, $2, $1) RETURNING 1",
                                [text, json])
                            try db.query("SELECT nightjar.cancel(gen_random_uuid(), $1, $1)", [text])
                            #expect(throws: PostgresError.self) {
                                try db.query("SELECT nightjar.tenant_number($1)", [text])
                            }
                        }
                    }
                }
            }
            // Those who manage tenants, as well.
            try await TestRole.with("nightjar_admin", in: database) { role in
                try await role.connected { db in
                    for (index, text) in texts.enumerated() {
                        try await db.run { db in
                            try db.query("SELECT nightjar.create_tenant($1)", [text])
                            for call in [
                                "create_tenant($1)", "set_tenant($1, jsonb_build_object($1::text, 1))",
                                "set_tenant('nobody', jsonb_build_object('name', $1::text))",
                                "bind_role($1, $1)", "bind_role('nightjar_tenant', '\(index)' || $1)",
                                "tenant_number('\(index)' || $1)",
                                "suspend_tenant('\(index)' || $1, $1)", "resume_tenant('\(index)' || $1)",
                                "delete_tenant('\(index)' || $1)",
                            ] {
                                #expect(throws: PostgresError.self, "\(call)") {
                                    try db.query("SELECT nightjar.\(call)", [text])
                                }
                            }
                            try db.query(
                                "SELECT nightjar.set_tenant($1, jsonb_build_object('name', $1 || '!'))", [text])
                            try db.query("SELECT nightjar.suspend_tenant($1 || '!', $1)", [text])
                            try db.query("SELECT nightjar.resume_tenant($1 || '!')", [text])
                        }
                    }
                }
            }
            let after = try await probe.value(Self.holdings, as: String.self)
            #expect(after == before)
        }
    }
}
