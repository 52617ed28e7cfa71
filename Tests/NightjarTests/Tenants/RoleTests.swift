import Foundation
import LocalPostgres
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// What each of the four roles may do, and what it may not.
struct RoleTests {
    @Test("What anybody may call, and what a tenant may, is this and no more")
    func functions() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let callable = { (role: String) in
                try await probe.value(
                    """
                    SELECT string_agg(DISTINCT p.proname, ' ' ORDER BY p.proname) FROM pg_proc p
                    WHERE p.pronamespace = 'nightjar'::regnamespace AND has_function_privilege($1, p.oid, 'EXECUTE')
                    """, [role], as: String.self)
            }
            let open =
                "app_uuid bound_tenant current_tenant function_uuid key_prefix send_hints tenant_number ulid uuid7 uuid7_floor uuid7_time"
            #expect(try await callable("public") == open)
            #expect(try await callable("nightjar_reporter") == open)
            #expect(
                try await callable("nightjar_tenant")
                    == "app_uuid bound_tenant cancel current_tenant function_uuid key_prefix send send_hints tenant_number ulid uuid7 uuid7_floor uuid7_time"
            )
            let managing = [
                "create_tenant", "set_tenant", "suspend_tenant", "resume_tenant", "delete_tenant", "bind_role",
                "set_retention", "reset_retention", "erase", "erase_preview",
                "create_signing_key", "import_signing_key", "switch_signing_key", "revoke_signing_key",
            ]
            let worker = try await callable("nightjar_worker").split(separator: " ").map(String.init)
            let admin = try await callable("nightjar_admin").split(separator: " ").map(String.init)
            let inner = ["seal", "take_runs", "delete_runs", "delete_events", "shortened_error", "share_queue"]
            #expect(Set(worker).isDisjoint(with: managing + inner))
            #expect(Set(admin) == Set(worker).union(managing))
            let unsafe = try await probe.value(
                """
                SELECT string_agg(p.oid::regprocedure::text, ', ') FROM pg_proc p
                WHERE p.pronamespace = 'nightjar'::regnamespace AND p.prosecdef
                  AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
                """, as: String?.self)
            #expect(unsafe == nil)
        }
    }

    @Test("Every table is under row-level security, and every view asks with the rights of its reader")
    func tables() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let open = try await probe.value(
                """
                SELECT string_agg(c.oid::regclass::text, ', ') FROM pg_class c
                WHERE c.relnamespace = 'nightjar'::regnamespace AND NOT c.relispartition AND c.relname <> 'migrations'
                  AND (c.relkind IN ('r', 'p') AND NOT c.relrowsecurity
                       OR c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
                       OR c.relkind = 'm')
                """, as: String?.self)
            #expect(open == nil)
            let parts = try await probe.value(
                """
                SELECT string_agg(DISTINCT c.oid::regclass::text || ' ' || r, ', ')
                FROM pg_class c, unnest(ARRAY['nightjar_tenant', 'nightjar_reporter', 'nightjar_worker']) r
                WHERE c.relnamespace = 'nightjar'::regnamespace AND c.relispartition AND has_any_column_privilege(r, c.oid, 'SELECT, INSERT')
                """, as: String?.self)
            #expect(parts == nil)
            // Once more changes nothing, and a table that comes later is sealed by it.
            try await probe.script(
                "CREATE TABLE nightjar.later (tenant_id int, n int); INSERT INTO nightjar.later VALUES (1, 1), (2, 2)")
            let missing = try await probe.value("SELECT nightjar.seal()::text", as: String.self)
            #expect(missing == "{}")
            try await TestRole.with("nightjar_reporter", in: database) { role in
                try await role.connected { db in
                    #expect(try await db.answer("SELECT count(*)::text FROM nightjar.later") == "2")
                    try await probe.script("SELECT nightjar.create_tenant('shop')")
                    try await role.bind(to: "shop")
                    #expect(try await db.answer("SELECT sum(n)::text FROM nightjar.later") == "2")
                }
            }
        }
    }

    @Test("In the reports' schema, too, a tenant sees its own, and nothing of what cannot be told apart")
    func reportSchema() async throws {
        try await TestDatabase.with { database in
            let probe = try await SealTests.prepare(database)
            try await probe.script(
                """
                CREATE SCHEMA IF NOT EXISTS nightjar_report;
                CREATE TABLE nightjar_report.test_rollup (tenant_id int, n int);
                INSERT INTO nightjar_report.test_rollup VALUES (2, 1), (3, 2);
                CREATE TABLE nightjar_report.test_loose (n int);
                INSERT INTO nightjar_report.test_loose VALUES (1);
                CREATE VIEW nightjar_report.test_runs WITH (security_invoker = true) AS SELECT * FROM nightjar.run_status;
                CREATE VIEW nightjar_report.test_leaky AS SELECT * FROM nightjar.run_status;
                CREATE MATERIALIZED VIEW nightjar_report.test_held AS SELECT * FROM nightjar.run_status;
                SELECT nightjar.seal()
                """)
            for group in ["nightjar_tenant", "nightjar_reporter"] {
                try await TestRole.with(group, boundTo: "shop", in: database) { role in
                    try await role.connected { db in
                        try await db.script("SET nightjar.tenant = 'cafe'")
                        for name in ["test_rollup", "test_runs"] {
                            let seen = try await db.answer(
                                "SELECT string_agg(DISTINCT tenant_id::text, ',') FROM nightjar_report.\(name)")
                            #expect(seen == "2", "\(group) \(name): \(seen)")
                        }
                        #expect(try await db.answer("SELECT count(*)::text FROM nightjar_report.test_loose") == "0")
                        for name in ["test_leaky", "test_held"] {
                            let answer = try await db.answer("SELECT count(*)::text FROM nightjar_report.\(name)")
                            #expect(answer.hasPrefix("42501"), "\(group) \(name): \(answer)")
                        }
                    }
                }
            }
        }
    }

    @Test("A reporter reads all tenants, or the one that it is bound to, and changes nothing")
    func reporter() async throws {
        try await TestDatabase.with { database in
            _ = try await SealTests.prepare(database)
            try await TestRole.with("nightjar_reporter", in: database) { role in
                try await role.connected { db in
                    let seen = "SELECT string_agg(DISTINCT tenant_id::text, ',') FROM nightjar.run_status"
                    #expect(try await db.answer(seen) == "2,3")
                    #expect(try await db.answer("SELECT count(*)::text FROM nightjar.invariants") == "0")
                    try await db.script("SET nightjar.tenant = '2'")
                    #expect(try await db.answer(seen) == "2,3")
                    for refused in [
                        "INSERT INTO nightjar.events (name) VALUES ('a/b')", "SELECT nightjar.send('a/b')",
                        "DELETE FROM nightjar.live",
                        "SELECT nightjar.cancel(gen_random_uuid())", "SELECT hash FROM nightjar.event_keys",
                        "SELECT nightjar.bulk_cancel()",
                        "SELECT nightjar.create_tenant('mine')", "SELECT nightjar.register('a', '[]')",
                    ] {
                        #expect(try await db.answer(refused).hasPrefix("42501"), "\(refused)")
                    }
                    try await role.bind(to: "cafe")
                    #expect(try await db.answer(seen) == "3")
                    #expect(
                        try await db.answer("SELECT string_agg(DISTINCT output::text, '') FROM nightjar.steps")
                            == "\"of cafe\"")
                    try await db.script("SET ROLE nightjar_reporter")
                    #expect(try await db.answer(seen) == "3")
                }
            }
        }
    }

    @Test(
        "A worker that logs in as a member of nightjar_worker does all that a worker does, for the tenant of its setting"
    )
    func worker() async throws {
        try await TestDatabase.with { database in
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.create("shop")
            await tenants.close()
            try await TestRole.with("nightjar_worker", in: database) { role in
                var configuration = role.configuration
                configuration.settings["nightjar.tenant"] = "shop"
                let mine = database.reached(by: configuration)
                let held = HeldJob(key: "held")
                let echo = Function("echo", on: .name("test/never")).run { _, _ in "echo" }
                let waits = Function("wait", on: PostScheduled.self).cancelOn(PostCancelled.self, match: \.postID)
                    .run { event, step in
                        _ = try await step.waitForEvent(
                            "told", TestJob.self, where: \.key, equals: event.data.postID, timeout: .seconds(60))
                        _ = try await step.invoke("other", echo, with: TestJob(key: "invoked"), as: String.self)
                        try await step.sendEvent("send", PostCancelled(postID: "another"))
                        return try await step.run("end") {
                            "done for \(step.tenant), \(StepContext.current?.tenant ?? "")"
                        }
                    }
                try await RunningWorker.with([held.function, echo, waits], in: mine) { client in
                    let run = try #require(
                        try await client.runs(startedBy: client.send(PostScheduled(postID: "a", scheduledAt: Date())))
                            .first)
                    let other = try #require(
                        try await client.runs(startedBy: client.send(PostScheduled(postID: "b", scheduledAt: Date())))
                            .first)
                    let executing = try await client.send(TestJob(key: "held"))
                    try await held.started.wait()
                    try await Probe(database).await(2, "waiting")
                    try await client.send(TestJob(key: "a"))
                    let outcome = try await client.outcome(of: run.id)
                    #expect(outcome == .completed(output: "\"done for shop, shop\""))
                    try await client.send(PostCancelled(postID: "b"))
                    let cancelled = try await client.outcome(of: other.id)
                    #expect(cancelled.isCancelled, "\(cancelled)")
                    let stopped = try #require(try await client.runs(startedBy: executing).first)
                    _ = try await client.cancel(stopped.id, actor: "test", reason: "over")
                    let end = try await client.outcome(of: stopped.id)
                    #expect(end.isCancelled, "\(end)")
                    held.release.set()
                }
                let probe = try await Probe(database)
                let strangers = try await probe.value(
                    "SELECT count(*) FROM nightjar.events WHERE tenant_id <> 2", as: Int64.self)
                #expect(strangers == 0)
                let missing = try await PostgresSession(configuration, logger: .silent).run { db in
                    try db.query(Statement.doctorPrivileges.sql).map { try $0.decode(0, as: String.self) }
                }
                #expect(missing.isEmpty)
            }
        }
    }

    @Test("A client of a bound role sends, reads and cancels its runs")
    func client() async throws {
        try await TestDatabase.with { database in
            let probe = try await SealTests.prepare(database)
            let theirs = try await probe.value("SELECT run_id FROM nightjar.live WHERE tenant_id = 3", as: UUID.self)
            try await TestRole.with("nightjar_tenant", boundTo: "shop", in: database) { role in
                let client = Client(database: role.configuration, logger: .silent)
                let event = try await client.send([NewEvent(name: "test/post", data: ["key": "new"], id: "four")])[0]
                let run = try #require(try await client.runs(startedBy: event).first)
                #expect(run.status == .queued)
                let cancelled = try await client.cancel(run.id, actor: "shop")
                #expect(cancelled == .cancelled)
                #expect(try await client.run(theirs) == nil)
                #expect(try await client.cancel(theirs, actor: "shop") == .unknown)
                await client.close()
                let runs = try await RunningProgram(
                    "nightjar", ["runs", "--json", "--database", database.reached(by: role.configuration).url]
                ).end()
                #expect(runs.status == 0, "\(runs.error)")
                #expect(runs.output.split(separator: "\n").count == 3)
                #expect(!runs.output.contains(theirs.uuidString.lowercased()))
            }
        }
    }

    @Test("A role that no bond would hold is not bound")
    func unbindable() async throws {
        try await TestDatabase.with { database in
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.create("shop")
            for (groups, options) in [
                ("nightjar_worker", "NOINHERIT"), ("nightjar_tenant", "BYPASSRLS"),
                ("nightjar_tenant", "CREATEROLE"), ("pg_read_all_data", ""),
            ] {
                let code = try await TestRole.with(groups, options: options, in: database) { role in
                    do {
                        try await tenants.bind(role: role.name, to: "shop")
                        return nil as NightjarError.Code?
                    } catch let error as NightjarError { return error.code }
                }
                #expect(code == .invalidTenant, "\(groups) \(options)")
            }
            await tenants.close()
        }
    }

    @Test("Whoever was given all tables sees no tenant's rows in the parts of a log")
    func parts() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let id = try await probe.value("SELECT nightjar.send('a/b')", as: String.self)
            let part = try await probe.value(
                "SELECT tableoid::regclass::text FROM nightjar.events WHERE event_id = $1::text::uuid", [id],
                as: String.self)
            try await TestRole.with(in: database) { role in
                try await probe.script(
                    "GRANT USAGE ON SCHEMA nightjar TO \(role.name); GRANT SELECT ON ALL TABLES IN SCHEMA nightjar TO \(role.name)"
                )
                try await role.connected { session in
                    let whole = try await session.answer("SELECT count(*)::text FROM nightjar.events")
                    #expect(whole == "1")
                    let seen = try await session.answer("SELECT count(*)::text FROM \(part)")
                    #expect(seen == "0")
                }
            }
        }
    }

    @Test("Many databases of one server that are migrated at once make the roles once, and none fails")
    func manyDatabases() async throws {
        let (server, database) = try await TestDatabase.onServerOfItsOwn()
        let owner = PostgresSession(database.configuration, logger: .silent)
        try await owner.script(
            """
            DROP SCHEMA nightjar, nightjar_report CASCADE;
            DROP ROLE nightjar_worker, nightjar_tenant, nightjar_reporter, nightjar_admin
            """)
        let names = (0..<8).map { "many\($0)" }
        for name in names { try await server.createDatabase(name, template: nil) }
        let applied = try await withThrowingTaskGroup(of: Int.self) { group in
            for name in names {
                group.addTask { [configuration = server.configuration(database: name)] in
                    try await Migrator(configuration, logger: .silent).migrate().count
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(applied == names.count * Migration.all.count)
        let members = try await owner.answer(
            "SELECT string_agg(roleid::regrole::text, ' ' ORDER BY 1) FROM pg_auth_members WHERE member = 'nightjar_admin'::regrole"
        )
        #expect(members.contains("nightjar_worker") && members.contains("nightjar_reporter"), "\(members)")
        await owner.close()
        try await server.stop()
    }

    @Test("Who may make no roles gets a schema that works, and is told; what is missing is made up for later")
    func withoutRoles() async throws {
        // On a server of its own: roles are the whole server's.
        let (server, database) = try await TestDatabase.onServerOfItsOwn()
        let owner = PostgresSession(database.configuration, logger: .silent)
        try await owner.script(
            """
            DROP SCHEMA nightjar, nightjar_report CASCADE; DROP ROLE nightjar_worker, nightjar_tenant, nightjar_reporter, nightjar_admin;
            CREATE ROLE plain LOGIN; CREATE ROLE legacy LOGIN; GRANT CREATE ON DATABASE \(database.name) TO plain
            """)
        var configuration = database.configuration
        configuration.keywords["user"] = "plain"
        try await Migrator(configuration, logger: .silent).migrate()
        let plain = PostgresSession(configuration, logger: .silent)
        try await plain.script(
            "GRANT USAGE ON SCHEMA nightjar TO legacy; GRANT INSERT, SELECT ON nightjar.events TO legacy")
        #expect(try await plain.answer("SELECT nightjar.send('a/b')").count == 36)
        configuration.keywords["user"] = "legacy"
        let legacy = PostgresSession(configuration, logger: .silent)
        #expect(
            try await legacy.answer("INSERT INTO nightjar.events (name) VALUES ('a/c') RETURNING tenant_id::text")
                == "1")
        #expect(try await plain.answer("SELECT cardinality(nightjar.seal())::text") == "4")
        try await owner.script(
            "CREATE ROLE nightjar_worker; CREATE ROLE nightjar_tenant; CREATE ROLE nightjar_reporter; CREATE ROLE nightjar_admin"
        )
        #expect(try await plain.answer("SELECT cardinality(nightjar.seal())::text") == "0")
        #expect(
            try await plain.answer("SELECT has_table_privilege('nightjar_worker', 'nightjar.live', 'UPDATE')::text")
                == "true")
        for session in [owner, plain, legacy] { await session.close() }
        try await server.stop()
    }
}

extension Outcome {
    fileprivate var isCancelled: Bool {
        if case .cancelled = self { true } else { false }
    }
}
