import Foundation
import Logging
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// A worker that serves all tenants.
struct SharedWorkerTests {
    private struct Go: EventData {
        static let eventName = "test/go"
        var key: String
    }
    private struct Stop: EventData {
        static let eventName = "test/stop"
        var key: String
    }
    private struct Broken: Error {}

    private static func outcome(_ client: Client, _ event: String) async throws -> Outcome {
        let runs = try await client.runs(startedBy: event)
        let run = try #require(runs.count == 1 ? runs.first : nil, "\(runs.count) runs")
        return try await client.outcome(of: run.id)
    }

    private static func output(_ client: Client, _ event: String) async throws -> String {
        let outcome = try await outcome(client, event)
        guard case .completed(let output) = outcome else { return "\(outcome)" }
        return output
    }

    @Test("A run is for the tenant of its event, as steps and log say; one that is made later is served at once")
    func context() async throws {
        let function = Function("tell", on: Go.self).run { event, step in
            let inside = try await step.run("inside") {
                StepContext.current.map { "\($0.tenant) \($0.tenantID)" } ?? ""
            }
            try await step.sleep("nap", for: .milliseconds(1))
            // Is warned of.
            async let one = step.run("twin") { 1 }
            async let other = step.run("twin") { 2 }
            _ = try await (one, other)
            _ = try await step.sendEvent(
                "on", try NewEvent(name: "test/on", data: ["from": .string(inside)], id: "same"))
            return "\(inside) \(step.tenant) \(step.tenantID)"
        }
        let insert = """
            INSERT INTO nightjar.events (name, data) VALUES ('test/go', '{"key": "sql"}') RETURNING event_id::text
            """
        let log = LoggedLines()
        try await SharedApp.with([function], logger: log.logger) { app in
            // The same ids, keys and names.
            let shop = try await app.shop.send(Go(key: "k"), id: "one")
            let cafe = try await app.cafe.send(Go(key: "k"), id: "one")
            #expect(try await Self.output(app.shop, shop) == "\"shop 2 shop 2\"")
            #expect(try await Self.output(app.cafe, cafe) == "\"cafe 3 cafe 3\"")

            try await app.tenants.create("late")
            let late = SharedApp.client(app.database, "late")
            #expect(try await Self.output(late, late.send(Go(key: "k"), id: "one")) == "\"late 4 late 4\"")
            await late.close()

            // In plain SQL, as a role that is a tenant's.
            try await TestRole.with("nightjar_tenant", boundTo: "cafe", in: app.database) { role in
                try await role.connected { db in
                    let event = try await db.answer(insert)
                    #expect(try await Self.output(app.cafe, event) == "\"cafe 3 cafe 3\"")
                    let seen = try await db.answer(
                        "SELECT DISTINCT concat_ws('/', tenant, app, function) FROM nightjar_report.runs")
                    #expect(seen == "cafe/test/tell")
                }
            }
            for name in ["shop", "cafe", "late"] {
                let isNamed = log.lines.contains { $0.contains("twin") && $0.contains("nightjar.tenant=\(name)") }
                #expect(isNamed, "\(log.lines)")
            }
            let sent = try await app.probe.value(
                """
                SELECT string_agg(tenant_id || ' ' || (data ->> 'from'), ', ' ORDER BY tenant_id, seq)
                FROM nightjar.events WHERE name = 'test/on'
                """, as: String.self)
            #expect(sent == "2 shop 2, 3 cafe 3, 3 cafe 3, 4 late 4")
            for table in ["events", "runs", "steps", "outcomes", "idempotency", "match_log"] {
                #expect(try await app.probe.count(table, where: "tenant_id IN (0, 1)") == 0, "\(table)")
            }
        }
    }

    @Test("A cancelling event ends the runs of its tenant only; waits are answered within one")
    func matches() async throws {
        let (held, release) = (Signal(), Signal())
        let started = Signal()
        let hold = Function("hold", on: Go.self).cancelOn(Stop.self, match: \.key).run { _, step in
            let isShop = step.tenant == "shop"
            try await step.run("hold") {
                if isShop {
                    started.set()
                    try await release.wait()
                } else {
                    held.set()
                    try await Task.sleep(for: .seconds(3_600))
                }
            }
            let stop = try await step.waitForEvent("again", Stop.self, match: "data.key", timeout: .seconds(3_600))
            return stop != nil
        }
        let waits = Function("waits", on: .name("test/wait")).run { event, step in
            let stop = try await step.waitForEvent("stop", Stop.self, match: "data.key", timeout: .seconds(3_600))
            return "\(step.tenant) \(stop?.data.key ?? "none")"
        }
        try await SharedApp.with([hold, waits]) { app in
            let (shop, cafe) = (try await app.shop.send(Go(key: "k")), try await app.cafe.send(Go(key: "k")))
            let event = try NewEvent(name: "test/wait", data: ["key": "k"])
            let (shopWaits, cafeWaits) = (try await app.shop.send([event])[0], try await app.cafe.send([event])[0])
            try await started.wait()
            try await held.wait()
            try await app.probe.await(2, "waiting")
            try await app.cafe.send(Stop(key: "k"))
            guard case .cancelled = try await Self.outcome(app.cafe, cafe) else {
                Issue.record("the run of the cafe goes on")
                return
            }
            #expect(try await Self.output(app.cafe, cafeWaits) == "\"cafe k\"")
            #expect(try await app.statuses(of: 2) == ["k running", "k waiting"])
            release.set()
            try await app.probe.await(2, "waiting")
            try await app.shop.send(Stop(key: "k"))
            #expect(try await Self.output(app.shop, shopWaits) == "\"shop k\"")
            guard case .cancelled = try await Self.outcome(app.shop, shop) else {
                Issue.record("the run of the shop goes on")
                return
            }
        }
    }

    @Test("What a run invokes, sends and is followed by is its tenant's, whatever apps of its own the tenant has")
    func invocations() async throws {
        let child = Function("child", on: .name("test/never")).retries(0).run { event, step -> String in
            if event.data["fails"] == true { throw Broken() }
            return "shared child of \(step.tenant)"
        }
        let told = Log()
        let parent = Function("parent", on: Go.self).retries(0)
            .onFailure { failure, step in told.add("\(step.tenant) \(failure.event.data.key)") }
            .run { event, step -> [String] in
                let same = try await step.invoke("same", "child", with: ["fails": false], as: String.self)
                let named = try await step.invoke(
                    "named", "child", app: "test", with: ["fails": false], as: String.self)
                let own = try await step.invoke("own", "callee", app: "other", with: ["n": 1], as: String.self)
                if event.data.key == "fails" {
                    _ = try await step.invoke("fails", "child", with: ["fails": true], as: String.self)
                }
                return [same, named, own]
            }
        let sharedCallee = Function("callee", on: .name("test/never")).run { _, step in
            "shared callee of \(step.tenant)"
        }
        let ownCallee = Function("callee", on: .name("test/never")).run { _, step in "own callee of \(step.tenant)" }
        try await SharedApp.with([child, parent]) { app in
            // The shop has an app of the same name with the same function, and another that hides a shared one.
            var shop = app.database.configuration
            shop.settings["nightjar.tenant"] = "shop"
            let ownChild = Function("child", on: .name("test/never")).run { _, _ in "own child" }
            let mine = app.database.reached(by: shop)
            try await RunningWorker.with([sharedCallee], in: app.database, app: "other", tenants: .all) { _ in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (name, function) in [("test", ownChild), ("other", ownCallee)] {
                        let worker = Worker(
                            app: name, functions: [function], database: mine.configuration, logger: .silent)
                        group.addTask { try await worker.run() }
                    }
                    try await eventually("they are registered") {
                        try await app.probe.count("functions", where: "tenant_id = 2") == 2
                    }
                    let (a, b) = (try await app.shop.send(Go(key: "a")), try await app.cafe.send(Go(key: "b")))
                    let ofShop = try await Self.output(app.shop, a)
                    #expect(ofShop == #"["shared child of shop","shared child of shop","own callee of shop"]"#)
                    let ofCafe = try await Self.output(app.cafe, b)
                    #expect(ofCafe == #"["shared child of cafe","shared child of cafe","shared callee of cafe"]"#)
                    let (c, d) = (try await app.shop.send(Go(key: "fails")), try await app.cafe.send(Go(key: "fails")))
                    for (client, event) in [(app.shop, c), (app.cafe, d)] {
                        guard case .failed = try await Self.outcome(client, event) else {
                            Issue.record("a run does not fail with what it invokes")
                            continue
                        }
                    }
                    try await eventually("both are told") { told.lines.sorted() == ["cafe fails", "shop fails"] }
                    group.cancelAll()
                }
            }
            let strangers = try await app.probe.value(
                """
                SELECT count(*) FROM nightjar.runs r JOIN nightjar.runs p ON p.run_id = r.parent_run_id
                WHERE p.tenant_id <> r.tenant_id OR r.tenant_id NOT IN (2, 3)
                """, as: Int64.self)
            #expect(strangers == 0)
            // By its name from outside: the own one; where there is none, the shared one.
            for (tenant, owner) in [(2, 2), (3, 0)] {
                let event = try await app.probe.value(
                    "SELECT nightjar.invoke($1, 'other-callee', '{}')", [Int32(tenant)], as: UUID.self)
                let found = try await app.probe.value(
                    """
                    SELECT f.tenant_id FROM nightjar.runs r JOIN nightjar.functions f USING (function_id)
                    WHERE r.event_id = $1
                    """, [event], as: Int32.self)
                #expect(found == owner)
            }
        }
    }

    @Test("One tenant is suspended, resumed and deleted while the others go on")
    func moves() async throws {
        let (started, stopped) = (Signal(), Signal())
        let log = Log()
        let function = Function("post", on: Go.self).run { event, step in
            if event.data.key == "held" {
                try await step.run("held") {
                    started.set()
                    await stopped.untilCancelled()
                }
            }
            if event.data.key == "sleeps" { try await step.sleep("sleep", for: .seconds(3_600)) }
            try await step.run("work") { log.add("\(step.tenant) \(event.data.key)") }
        }
        try await SharedApp.with([function]) { app in
            for key in ["held", "sleeps"] { try await app.shop.send(Go(key: key)) }
            try await started.wait()
            try await app.probe.await(1, "sleeping")
            #expect(try await app.tenants.suspend("shop").liveRuns == 2)
            #expect(try await app.probe.count("live", where: "queue > 0") == 0)
            await #expect { try await app.shop.send(Go(key: "refused")) } throws: {
                ($0 as? NightjarError)?.code == .tenantSuspended
            }
            // A run that begins meanwhile all the same rests: the end of another, run again.
            _ = try await Self.outcome(app.cafe, app.cafe.send(Go(key: "1")))
            #expect(try await app.tenants.resume("shop").state == .active)
            #expect(try await app.probe.count("live", where: "queue < 0") == 0)
            _ = try await Self.outcome(app.shop, app.shop.send(Go(key: "2")))

            let run = try #require(
                try await app.cafe.runs(startedBy: app.cafe.send(Go(key: "sleeps"))).first, "no run")
            try await app.tenants.delete("shop")
            try await stopped.wait()
            _ = try await Self.outcome(app.cafe, app.cafe.send(Go(key: "3")))
            #expect(try await app.cafe.run(run.id)?.status == .sleeping)
            #expect(log.lines == ["cafe 1", "shop 2", "cafe 3"])
            for table in ["runs", "events", "steps", "outcomes", "live", "idempotency"] {
                #expect(try await app.probe.count(table, where: "tenant_id = 2") == 0, "\(table)")
            }
            #expect(try await app.probe.count("functions") == 1)
        }
    }

    @Test("Whoever is bound to a tenant starts no worker for all of them")
    func bound() async throws {
        let function = Function("post", on: Go.self).run { _, _ in 1 }
        try await SharedApp.withTenants { app in
            try await TestRole.with("nightjar_tenant", boundTo: "shop", in: app.database) { role in
                let worker = Worker(
                    app: "test", tenants: .all, functions: [function], database: role.configuration, logger: .silent)
                await #expect { try await worker.run() } throws: { ($0 as? NightjarError)?.code == .configuration }
            }
            #expect(try await app.probe.count("apps") == 0)
        }
    }
}
