import Foundation
import Nightjar
import NightjarTesting
import Testing

@Suite("nightjar doctor", .serialized, .timeLimit(.minutes(3)))
struct DoctorCommandTests {
    @Test("looks at everything; of a throw-away server it finds that it is not durable")
    func complete() async throws {
        try await TestDatabase.with { database in
            let result = try await nightjar("doctor", "--deep", "--json", "--database", database.url)

            let levels = try levels(result)
            #expect(result.status == 1)
            #expect(levels["durability"] == "problem", "tests run with fsync = off")
            let fine = [
                "version", "autovacuum", "clock", "schema", "notifications", "privileges", "partitions", "retention",
                "pending",
                "runs", "sessions", "apps", "policies", "timeouts", "executing", "bulk-cancels", "invariants",
            ]
            for check in fine { #expect(levels[check] == "ok", "\(check): \(result.output)") }
            #expect(levels.keys.contains("horizon") && levels.keys.contains("connections"))
        }
    }

    @Test("finds work that nobody does, and says what to do")
    func neglectedWork() async throws {
        try await TestDatabase.with { database in
            try await prepare(
                database,
                """
                SELECT nightjar.register('blog', '[{"name": "f", "options": {}, "triggers": [{"event": "a/b"}], "cancel": []}]');
                SELECT nightjar.send('a/b'), nightjar.send('a/b');
                INSERT INTO nightjar.pending (tenant_id, key, seq, event_id, asked_at)
                VALUES (1, gen_random_uuid(), 1, gen_random_uuid(), now() - interval '10 minutes');
                INSERT INTO nightjar.sessions (session_id, name, queue, ttl, seen_at)
                VALUES ('00000000-0000-4000-8000-000000000000', 'gone', 1, '10 s', now() - interval '1 hour');
                UPDATE nightjar.live SET state = 1, session_id = '00000000-0000-4000-8000-000000000000'
                WHERE run_id = (SELECT max(run_id::text)::uuid FROM nightjar.live);
                """)

            let result = try await nightjar("doctor", "--database", database.url, "--json")
            let levels = try levels(result)
            #expect(levels["pending"] == "problem")
            #expect(levels["sessions"] == "problem")
            #expect(levels["apps"] == "warning")
            let table = try await nightjar("doctor", "--database", database.url).output
            #expect(table.contains("'gone'"))
            #expect(table.contains("blog (2, 1 of them ready)"))
            #expect(table.contains("→ start a worker"))
        }
    }

    @Test("finds cancels that hang, and policies that are slow or wide, and says what to do")
    func cancels() async throws {
        try await TestDatabase.with { database in
            try await prepare(
                database,
                """
                SELECT nightjar.register('blog', '[{"name": "f", "options": {}, "triggers": [{"event": "a/b"}], "cancel": [
                    {"event": "a/c", "text": "if async.data.all == true", "warnings": ["cancels every run of the function"],
                     "branches": [{"trigger_path": [], "event_path": []}]}]}]');
                SELECT nightjar.send('a/b'), nightjar.send('a/b');
                UPDATE nightjar.live SET expires_at = now() - interval '20 s';
                INSERT INTO nightjar.sessions (session_id, name, queue, ttl) VALUES
                    ('00000000-0000-4000-8000-000000000000', 'blog host:7', 1, '1 hour'),
                    ('00000000-0000-4000-8000-000000000001', 'gone', 1, '1 s');
                UPDATE nightjar.sessions SET seen_at = now() - interval '1 hour' WHERE name = 'gone';
                INSERT INTO nightjar.interruptions (run_id, tenant_id, session_id, at, steps)
                SELECT gen_random_uuid(), 1, session_id, now() - interval '2 minutes', '{print}' FROM nightjar.sessions;
                INSERT INTO nightjar.bulk_cancels (tenant_id, actor, state, asked_at) VALUES (1, 'ada', 2, now());
                """)
            let levels = try levels(try await nightjar("doctor", "--database", database.url, "--json"))
            for check in ["policies", "timeouts", "executing", "bulk-cancels"] { #expect(levels[check] == "warning") }
            let text = try await nightjar("doctor", "--database", database.url).output
            #expect(
                text.contains("blog/f on a/c if async.data.all == true: cancels every run of the function"), "\(text)")
            #expect(text.contains("2 runs have outlived their limit, the first by 2"), "\(text)")
            #expect(text.contains("1 cancelled runs still execute"), "\(text)")
            #expect(text.contains("(print) in 'blog host:7' for 12"), "\(text)")
            #expect(text.contains("is interrupted after 0 runs"), "\(text)")
            #expect(text.contains("→ nightjar cancel --resume "), "\(text)")

            // One that runs and nobody carries on; one that was left interrupted long ago.
            try await prepare(
                database,
                """
                UPDATE nightjar.bulk_cancels SET asked_at = now() - interval '8 days';
                INSERT INTO nightjar.bulk_cancels (tenant_id, actor, asked_at) VALUES (1, 'ada', now() - interval '2 minutes');
                """)
            let stuck = try await nightjar("doctor", "--database", database.url).output
            #expect(stuck.contains("nobody has carried out request"), "\(stuck)")
            #expect(!stuck.contains("is interrupted"), "\(stuck)")
        }
    }

    @Test("finds tenants left between two states, and tables that are open to all")
    func tenants() async throws {
        try await TestDatabase.with { database in
            let sound = try levels(try await nightjar("doctor", "--database", database.url, "--json"))
            #expect(sound["tenants"] == "ok")
            try await prepare(
                database,
                """
                SELECT nightjar.create_tenant('shop'), nightjar.create_tenant('cafe');
                SELECT nightjar.suspend_tenant('shop');
                SELECT nightjar.delete_tenant('cafe');
                UPDATE nightjar.tenants SET changed_at = now() - interval '2 minutes';
                """)
            let left = try await nightjar("doctor", "--database", database.url).output
            #expect(left.contains("somebody began to suspend tenant \"shop\" and 1 more"), "\(left)")
            #expect(left.contains("nightjar tenant suspend 'shop'"), "\(left)")
            try await prepare(
                database, "CREATE TABLE nightjar.later (tenant_id int); GRANT SELECT ON nightjar.later TO PUBLIC")
            let open = try await nightjar("doctor", "--database", database.url, "--json")
            #expect(try levels(open)["tenants"] == "problem")
            #expect(open.output.contains("nightjar.later"), "\(open.output)")
        }
    }

    @Test("finds bound roles that came by more than a bond holds, and bonds of roles that are gone")
    func bonds() async throws {
        try await TestDatabase.with { database in
            try await prepare(database, "SELECT nightjar.create_tenant('shop')")
            try await TestRole.with("nightjar_tenant", boundTo: "shop", in: database) { role in
                let doctor = { @Sendable in try await nightjar("doctor", "--database", database.url, "--json") }
                #expect(try levels(try await doctor())["bonds"] == "ok")
                for (give, take, why) in [
                    (
                        "GRANT nightjar_worker TO \(role.name)", "REVOKE nightjar_worker FROM \(role.name)",
                        "nightjar_worker"
                    ),
                    ("ALTER ROLE \(role.name) BYPASSRLS", "ALTER ROLE \(role.name) NOBYPASSRLS", "BYPASSRLS"),
                    (
                        "GRANT UPDATE ON nightjar.live TO \(role.name)",
                        "REVOKE UPDATE ON nightjar.live FROM \(role.name)",
                        "nightjar.live"
                    ),
                ] {
                    try await prepare(database, give)
                    let loose = try await doctor()
                    #expect(try levels(loose)["bonds"] == "problem", "\(why)")
                    #expect(loose.output.contains(role.name) && loose.output.contains(why), "\(loose.output)")
                    try await prepare(database, take)
                }
                #expect(try levels(try await doctor())["bonds"] == "ok")
            }
            let gone = try await nightjar("doctor", "--database", database.url, "--json")
            #expect(try levels(gone)["bonds"] == "warning", "\(gone.output)")
        }
    }

    @Test("finds missing partitions and a missing schema")
    func schema() async throws {
        try await TestDatabase.with { database in
            try await prepare(
                database,
                """
                DO $$ DECLARE part text; BEGIN
                    FOR part IN SELECT c.oid::regclass FROM pg_class c
                                WHERE c.relname ~ '^steps_\\d{8}$' AND to_date(right(c.relname, 8), 'YYYYMMDD') > now() + '10 days'
                    LOOP EXECUTE 'DROP TABLE ' || part; END LOOP;
                END $$
                """)
            let result = try await nightjar("doctor", "--database", database.url, "--json")
            #expect(try levels(result)["partitions"] == "warning")
            #expect(result.output.contains("nightjar.steps"))

            try await prepare(database, "DROP SCHEMA nightjar, nightjar_report CASCADE")
            let missing = try await nightjar("doctor", "--database", database.url, "--json")
            #expect(missing.status == 1)
            #expect(try levels(missing)["schema"] == "problem")
            #expect(try levels(missing)["partitions"] == nil)
        }
    }

    @Test("a role that may not read the schema is told so")
    func privileges() async throws {
        try await TestDatabase.with { database in
            let role = "r_\(database.name.suffix(12))"
            try await prepare(database, "CREATE ROLE \(role) LOGIN; GRANT USAGE ON SCHEMA nightjar TO \(role)")
            let result = try await nightjar(
                "doctor", "--json", "--database", database.url.replacing("user='postgres'", with: "user='\(role)'"))
            #expect(result.status == 1)
            #expect(try levels(result)["schema"] == "problem", "\(result.output)")
            try await prepare(
                database, "GRANT SELECT ON ALL TABLES IN SCHEMA nightjar TO \(role)")
            let reader = try await nightjar(
                "doctor", "--json", "--database", database.url.replacing("user='postgres'", with: "user='\(role)'"))
            #expect(try levels(reader)["privileges"] == "problem", "\(reader.output)")
            #expect(reader.output.contains("INSERT on nightjar.events"))
            try await prepare(database, "DROP OWNED BY \(role); DROP ROLE \(role)")
        }
    }

    private func levels(_ result: RunningProgram.Result) throws -> [String: String] {
        let pairs = try result.json().map { ($0["check"]?.string ?? "", $0["level"]?.string ?? "") }
        return Dictionary(uniqueKeysWithValues: pairs)
    }

    private func prepare(_ database: TestDatabase, _ sql: String) async throws {
        let connection = PostgresSession(database.configuration, logger: .silent)
        try await connection.run { db in try db.script(sql) }
        await connection.close()
    }
}
