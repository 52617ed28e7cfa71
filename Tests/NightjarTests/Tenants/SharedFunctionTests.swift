import Foundation
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// Functions that all tenants share: what there is of each of them is one tenant's all the same.
struct SharedFunctionTests {
    private static let post = """
        [{"name": "post", "options": {}, "triggers": [{"event": "test/post"}, {"event": "test/all/*"}],
          "cancel": [{"event": "test/cancel", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]},
                     {"event": "test/post", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]},
                     {"event": "test/any/*", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}]}]
        """

    /// Sends an event for a tenant.
    private static func send(
        _ app: SharedApp, _ tenant: Int, _ name: String = "test/post", key: String = "k", id: String? = nil
    ) async throws {
        try await app.probe.run { db in
            _ = try db.execute(
                "INSERT INTO nightjar.events (tenant_id, name, data, id) VALUES ($1, $2, jsonb_build_object('key', $3::text), $4)",
                [Int32(tenant), name, key, id])
        }
    }

    @Test("Same ids, keys and names in two tenants never meet, whether events come alone or many in a statement")
    func matches() async throws {
        try await SharedApp.withTenants { app in
            try await app.share(Self.post)
            for tenant in [2, 3] {
                try await Self.send(app, tenant, id: "one")
                // Has no second effect.
                try await Self.send(app, tenant, id: "one")
                try await Self.send(app, tenant, "test/all/these", key: "wild")
            }
            let first = ["k queued", "wild queued"]
            for tenant in [2, 3] { #expect(try await app.statuses(of: tenant) == first) }
            try await Self.send(app, 2, "test/cancel")
            try await Self.send(app, 3, "test/any/event", key: "wild")
            #expect(try await app.statuses(of: 2) == ["k cancelled", "wild queued"])
            #expect(try await app.statuses(of: 3) == ["k queued", "wild cancelled"])

            // Of both in one statement, with events that cancel earlier ones of it.
            try await app.probe.script(
                """
                INSERT INTO nightjar.events (tenant_id, name, data, id)
                SELECT 2 + n % 2, CASE WHEN n < 8 THEN 'test/post' ELSE 'test/cancel' END,
                       jsonb_build_object('key', 'm' || n / 2 % 4), CASE WHEN n < 2 THEN 'many' END
                FROM generate_series(0, 9) n
                """)
            let many = ["m0 cancelled", "m1 queued", "m2 queued", "m3 queued"]
            #expect(try await app.statuses(of: 2).suffix(4) == many[...])
            #expect(try await app.statuses(of: 3).suffix(4) == many[...])
            #expect(try await app.probe.count("match_log", where: "tenant_id NOT IN (2, 3)") == 0)
            #expect(
                try await app.probe.count("live", where: "shared AND tenant_id IN (2, 3) AND queue > 0")
                    == app.probe.count("live"))
            // One that is delayed is searched for by its event's number, whatever its place in the queue is.
            try await app.probe.script(
                """
                INSERT INTO nightjar.events (tenant_id, name, data, ts)
                SELECT 2, 'test/post', '{"key": "late"}', now() + interval '1 hour' FROM generate_series(1, 2)
                """)
            let numbers = try await app.probe.value(
                "SELECT count(*) FROM nightjar.newcomers n JOIN nightjar.runs r ON r.run_id = n.run_id AND r.event_seq = n.seq",
                as: Int64.self)
            #expect(numbers == 2)
            #expect(try await app.probe.violations() == [])
        }
    }

    @Test(
        "Keys of flow control are a tenant's",
        arguments: [
            #"{"singleton": {"mode": "skip", "key": ["event", "data", "key"]}}"#,
            #"{"singleton": {"mode": "cancel", "key": ["event", "data", "key"]}}"#,
            #"{"rate_limit": {"limit": 1, "period_ms": 60000, "key": ["event", "data", "key"]}}"#,
            #"{"idempotency": {"key": ["event", "data", "key"]}}"#,
            #"{"throttle": {"limit": 1, "burst": 0, "period_ms": 3600000, "key": ["event", "data", "key"]}}"#,
        ])
    func flow(_ flow: String) async throws {
        try await SharedApp.withTenants { app in
            try await Self.shareGated(flow, app)
            for tenant in [2, 3] {
                try await Self.send(app, tenant, "test/go")
                try await Self.send(app, tenant, "test/go")
            }
            try await app.probe.applyPending()
            let (shop, cafe) = (try await app.statuses(of: 2), try await app.statuses(of: 3))
            #expect(shop == cafe)
            // The first one starts at once, as if there were nobody else; the second one not.
            let alike = flow.contains("cancel") ? "k cancelled" : "k queued"
            #expect(shop.first == alike && shop != ["k queued", "k queued"], "\(shop)")
            let keys = try await app.probe.value(
                """
                SELECT (SELECT count(*) FROM nightjar.flow_counters WHERE key !~ E'^[23]\\x1f')
                     + (SELECT count(*) FROM nightjar.singletons WHERE key !~ E'^[23]\\x1f')
                """, as: Int64.self)
            #expect(keys == 0)

            // A deleted tenant leaves nothing of it; the function and what others have of it stay.
            try await app.tenants.delete("shop")
            for table in ["flow_counters", "singletons"] {
                #expect(try await app.probe.count(table, where: "starts_with(key, '2')") == 0)
            }
            #expect(try await app.statuses(of: 3) == cafe)
            #expect(try await app.probe.count("functions") == 1)
        }
    }

    @Test("What is gathered for one tenant goes into its batches", arguments: [true, false])
    func gathered(_ isBatch: Bool) async throws {
        try await SharedApp.withTenants { app in
            try await Self.shareGated(
                isBatch
                    ? #"{"batch": {"max": 2, "timeout_ms": 3600000}}"#
                    : #"{"debounce": {"period_ms": 1, "timeout_ms": 60000}}"#, app)
            for key in ["a", "b"] { for tenant in [2, 3] { try await Self.send(app, tenant, "test/go", key: key) } }
            try await app.probe.script("UPDATE nightjar.gathered SET at = at - interval '1 minute'")
            let started = try await app.probe.value("SELECT started FROM nightjar.gather(100)", as: Int32.self)
            #expect(started == 2)
            let runs = try await app.probe.value(
                """
                SELECT string_agg(r.tenant_id || ' ' || (
                           SELECT string_agg(e.tenant_id || (e.data ->> 'key'), ',' ORDER BY e.seq)
                           FROM nightjar.events_of_run(r.run_id) b (event_id) JOIN nightjar.events e USING (event_id)),
                       '; ' ORDER BY r.tenant_id) FROM nightjar.runs r
                """, as: String.self)
            #expect(runs == (isBatch ? "2 2a,2b; 3 3a,3b" : "2 2b; 3 3b"))
            #expect(try await app.probe.count("gathered") == 0)
        }
    }

    /// Registers the function `fn` of all tenants, whose runs a flow control decides upon.
    private static func shareGated(_ flow: String, _ app: SharedApp) async throws {
        try await app.share(#"[{"name": "fn", "options": {}, "triggers": [{"event": "test/go"}], "cancel": []}]"#)
        try await app.probe.run { db in
            try db.execute("UPDATE nightjar.functions SET flow = $1", [PostgresJSON(flow)])
            try db.execute("UPDATE nightjar.function_triggers SET gated = true", [])
        }
    }

    @Test("A signal is for whoever waits for it in the same tenant")
    func signals() async throws {
        try await SharedApp.withTenants { app in
            try await app.share(Self.post)
            for tenant in [2, 3] { try await Self.send(app, tenant) }
            try await app.probe.script(
                """
                INSERT INTO nightjar.open_steps (run_id, step, kind, started_at, due_at, cascades, spec, tenant_id)
                SELECT run_id, 'signal', 6, now(), now() + interval '1 hour', false,
                       '{"event": "inngest/signal.sent", "branches": [{"trigger_path": ["name"], "event_path": ["name"]}]}', tenant_id
                FROM nightjar.live;
                SELECT nightjar.claim_signal('go', run_id, 'signal', false) FROM nightjar.live
                """)
            for tenant in [2, 3] {
                let receiver = try await app.probe.run { db in
                    try db.transaction { db in
                        try db.script("SET LOCAL nightjar.tenant = '\(tenant)'")
                        let run = try db.query("SELECT nightjar.send_signal('go', '1')")[0].decode(0, as: UUID?.self)
                        return try db.query("SELECT tenant_id FROM nightjar.live WHERE run_id = $1", [run]).first?
                            .decode(0, as: Int32.self)
                    }
                }
                #expect(receiver == Int32(tenant))
            }
        }
    }

    @Test("Names of functions mean shared ones as well, and reach runs of one tenant only")
    func byHand() async throws {
        try await SharedApp.withTenants { app in
            try await app.share(Self.post)
            for tenant in [2, 3] { for key in ["a", "b"] { try await Self.send(app, tenant, key: key) } }
            let cancelled = try await app.shop.preview(try NewEvent(name: "test/cancel", data: ["key": "a"]))
            #expect(cancelled.count == 1)
            let again = try await app.shop.reschedule(try NewEvent(name: "test/post", data: ["key": "a"]))
            #expect(again.runs.count == 1)
            #expect(try await app.statuses(of: 2) == ["a cancelled", "b queued", "a queued"])
            let request = try await app.shop.cancelAll(
                RunFilter(function: "post", app: Probe.queueName), actor: "test")
            _ = try await app.shop.carryOut(bulkCancel: request.id)
            #expect(try await app.statuses(of: 2) == ["a cancelled", "b cancelled", "a cancelled"])
            #expect(try await app.statuses(of: 3) == ["a queued", "b queued"])
            #expect(try await app.probe.violations() == [])
        }
    }

    @Test("A transaction that was open before a suspension leaves no run that is claimed; one that opens later neither")
    func openSender() async throws {
        try await SharedApp.withTenants { app in
            try await app.share(Self.post)
            for key in ["1", "2"] { try await Self.send(app, 2, key: key) }
            let sender = try await Probe(app.database)
            try await sender.script(
                "SET nightjar.tenant = 'shop'; BEGIN; SELECT nightjar.send('test/post', '{\"key\": \"3\"}')")
            let step = { @Sendable in
                try await app.probe.value("SELECT state FROM nightjar.suspend_tenant('shop')", as: String.self)
            }
            #expect(try await step() == "suspending")
            #expect(try await step() == "suspending")
            try await sender.script("COMMIT")
            #expect(try await app.probe.count("live", where: "queue > 0") == 1, "else this proves nothing")
            try await eventually("it is suspended") { try await step() == "suspended" }
            #expect(try await app.probe.count("live", where: "queue > 0") == 0)
            // What begins meanwhile, such as a run again, rests at once.
            let run = try await app.probe.value("SELECT min(run_id::text) FROM nightjar.live", as: String.self)
            try await sender.script("SELECT nightjar.cancel('\(run)'); SELECT nightjar.rerun('\(run)')")
            #expect(try await app.probe.count("live", where: "queue < 0") == 3)
            try await Self.send(app, 3)
            #expect(try await app.probe.count("live", where: "queue > 0") == 1)
            #expect(try await app.tenants.resume("shop").liveRuns == 3)
            #expect(try await app.probe.count("live", where: "queue < 0") == 0)
            // A limit of unfinished runs counts them.
            try await app.tenants.change("shop") { $0.liveRuns = 3 }
            await #expect { try await app.shop.send([NewEvent(name: "test/post", data: [:])]) } throws: {
                ($0 as? NightjarError)?.code == .limitReached
            }
        }
    }

    @Test("The tenant that stands for all of them is none")
    func noTenant() async throws {
        try await SharedApp.withTenants { app in
            try await app.share(Self.post)
            for name in ["*", "0"] {
                for call in [
                    "suspend_tenant('\(name)')", "resume_tenant('\(name)')", "delete_tenant('\(name)')",
                    "set_tenant('\(name)', '{\"max_live_runs\": 1}')", "bind_role('nightjar_tenant', '\(name)')",
                    "create_tenant('\(name)')", "set_tenant('shop', '{\"name\": \"\(name)\"}')",
                ] {
                    let answer = try await app.probe.connection.answer("SELECT nightjar.\(call)")
                    #expect(answer.contains("all tenants") || answer.contains("cannot be called"), "\(call): \(answer)")
                }
                await #expect { try await app.tenants.suspend(name) } throws: {
                    ($0 as? NightjarError)?.code == .invalidTenant
                }
                let other = SharedApp.client(app.database, name)
                await #expect { try await other.send([NewEvent(name: "test/post", data: [:])]) } throws: {
                    ($0 as? PostgresError)?.message.contains("belongs to one tenant") == true
                }
                await other.close()
            }
            for sql in [
                "INSERT INTO nightjar.events (tenant_id, name) SELECT n % 2, 'test/post' FROM generate_series(1, 2) n",
                "SET nightjar.tenant = '*'; INSERT INTO nightjar.event_keys (name, hash) VALUES ('web', 'x')",
                "SET nightjar.tenant = '*'; SELECT nightjar.sync('{\"name\": \"remote\", \"functions\": []}')",
            ] {
                await #expect(throws: PostgresError.self, "\(sql)") { try await app.probe.script(sql) }
            }
            try await app.probe.script("RESET nightjar.tenant")
            #expect(try await app.tenants.list().map(\.name) == ["default", "shop", "cafe"])
            #expect(try await app.tenants.tenant("*") == nil)
            for table in ["events", "runs", "event_keys"] { #expect(try await app.probe.count(table) == 0) }
        }
    }

    @Test("A tenant reads what shared apps there are and what it has of them; nothing of their workers and of others")
    func reading() async throws {
        try await SharedApp.withTenants { app in
            try await Self.shareGated(#"{"singleton": {"mode": "skip", "key": ["event", "data", "key"]}}"#, app)
            try await app.share(Self.post, app: "other")
            for tenant in [2, 3] { for name in ["test/go", "test/post"] { try await Self.send(app, tenant, name) } }
            try await app.probe.script(
                """
                INSERT INTO nightjar.flow_counters
                SELECT min(function_id), 'throttle', E'3\\x1f', now(), 1 FROM nightjar.functions;
                UPDATE nightjar.sessions SET queue = (SELECT min(app_id) FROM nightjar.apps);
                SELECT nightjar_report.roll_up()
                """)
            for group in ["nightjar_tenant", "nightjar_reporter"] {
                try await TestRole.with(group, boundTo: "shop", in: app.database) { role in
                    try await role.connected { db in
                        for (view, expected) in [
                            ("runs", "shop/fn shop/post"), ("waits", "shop/post"), ("functions", "*/fn */post"),
                            ("lag", "shop/fn shop/post"),
                        ] {
                            let names = try await db.answer(
                                "SELECT DISTINCT tenant || '/' || function FROM nightjar_report.\(view) ORDER BY 1")
                            #expect(names == expected, "\(group): \(view)")
                        }
                        #expect(try await db.answer("SELECT name FROM nightjar.tenants ORDER BY 1") == "* shop")
                        #expect(try await db.answer("SELECT count(*)::text FROM nightjar.sessions") == "0")
                        for table in ["functions", "apps", "tenants", "function_triggers", "cancel_policies"] {
                            let answer = try await db.answer(
                                "UPDATE nightjar.\(table) SET tenant_id = 2 WHERE tenant_id = 0")
                            #expect(answer.hasPrefix("42501"), "\(table): \(answer)")
                        }
                        guard group == "nightjar_reporter" else { return }
                        #expect(try await db.answer("SELECT count(*)::text FROM nightjar.flow_counters") == "0")
                        #expect(try await db.answer("SELECT left(key, 1) FROM nightjar.singletons") == "2")
                    }
                }
            }
            try await TestRole.with("nightjar_reporter", in: app.database) { role in
                try await role.connected { db in
                    for (table, rows) in [("singletons", "2"), ("flow_counters", "1"), ("sessions", "1")] {
                        let count = try await db.answer("SELECT count(*)::text FROM nightjar.\(table)")
                        #expect(count == rows, "\(table)")
                    }
                }
            }
        }
    }
}
