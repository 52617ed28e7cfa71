import Foundation
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

/// Tables whose rows name no tenant: whose they are is told by what they name.
struct LooseTableTests {
    /// Each with the tenant of a row, as its owner sees it. What is of nobody is not here: `migrations`, `rollup_progress`, `binding`.
    private static let tables = [
        "crons": "SELECT f.tenant_id FROM nightjar.crons t JOIN nightjar.functions f USING (function_id)",
        "flow_counters":
            "SELECT f.tenant_id FROM nightjar.flow_counters t JOIN nightjar.functions f USING (function_id)",
        "singletons": "SELECT f.tenant_id FROM nightjar.singletons t JOIN nightjar.functions f USING (function_id)",
        "run_events": "SELECT r.tenant_id FROM nightjar.run_events t JOIN nightjar.runs r USING (run_id)",
        "newcomers": "SELECT r.tenant_id FROM nightjar.newcomers t JOIN nightjar.runs r USING (run_id)",
        "sessions": "SELECT a.tenant_id FROM nightjar.sessions t JOIN nightjar.apps a ON a.app_id = t.queue",
    ]

    @Test("Of tables without a tenant's number, too, everybody who is bound sees what is his, and changes nothing")
    func policies() async throws {
        try await TestDatabase.with { database in
            let probe = try await SealTests.prepare(database)
            let loose = try await probe.value(
                """
                SELECT string_agg(c.relname, ' ' ORDER BY c.relname) FROM pg_class c
                WHERE c.relnamespace = 'nightjar'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                  AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id')
                """, as: String.self)
            #expect(
                loose
                    == (Self.tables.keys + [
                        "migrations", "rollup_progress", "binding", "retention_weeks", "rights", "settlement",
                    ])
                    .sorted().joined(separator: " "),
                "a new one is to be told whose it is")
            try await probe.script(
                """
                INSERT INTO nightjar.crons (function_id, cron) SELECT function_id, '* * * * *' FROM nightjar.functions;
                INSERT INTO nightjar.flow_counters (function_id, kind, key, at, count)
                SELECT function_id, 'rate', 'same', now(), 1 FROM nightjar.functions;
                INSERT INTO nightjar.singletons (function_id, key, run_id) SELECT function_id, 'same', run_id FROM nightjar.live;
                INSERT INTO nightjar.run_events (run_id, position, event_id) SELECT run_id, 0, event_id FROM nightjar.live;
                INSERT INTO nightjar.newcomers (run_id, seq) SELECT run_id, pass FROM nightjar.live ON CONFLICT DO NOTHING;
                INSERT INTO nightjar.sessions (session_id, name, queue, ttl)
                SELECT gen_random_uuid(), 'w', app_id, '1 hour' FROM nightjar.apps
                """)
            for (table, rows) in Self.tables {
                let all = try await probe.value(
                    "SELECT string_agg(DISTINCT t.tenant_id::text, ',') FROM (\(rows)) t", as: String?.self)
                #expect(all == "2,3", "\(table): else this proves nothing")
            }
            for group in ["nightjar_reporter", "nightjar_tenant"] {
                try await TestRole.with(group, boundTo: "shop", in: database) { role in
                    try await role.connected { db in
                        try await db.script("SET nightjar.tenant = 'cafe'")
                        for table in Self.tables.keys {
                            let mine = try await probe.value(
                                "SELECT count(*)::text FROM (\(Self.tables[table] ?? "")) t WHERE t.tenant_id = 2",
                                as: String.self)
                            let seen = try await db.answer("SELECT count(*)::text FROM nightjar.\(table)")
                            #expect(
                                seen == mine || group == "nightjar_tenant" && seen.hasPrefix("42501"),
                                "\(group) \(table): \(seen), \(mine)")
                            let gone = try await db.answer("DELETE FROM nightjar.\(table)")
                            #expect(gone.hasPrefix("42501"), "\(group) \(table): \(gone)")
                        }
                    }
                }
            }
            // A reporter who is not bound reads all tenants'.
            try await TestRole.with("nightjar_reporter", in: database) { role in
                try await role.connected { db in
                    for table in ["crons", "run_events"] {
                        let seen = try await db.answer("SELECT count(*)::text FROM nightjar.\(table)")
                        #expect(seen == "2", "\(table)")
                    }
                }
            }
        }
    }
}
