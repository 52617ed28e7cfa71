import Foundation
import LocalPostgres
import NightjarCore
import NightjarTesting
import PostgresClient
import Synchronization
import TestSupport
import Testing

@testable import Nightjar

/// Tenants suspended and resumed beside workers and senders.
struct MoveTests {
    /// The tenant `shop`, in which the function `post` is registered, and a connection that acts for it.
    private static func withShop(_ body: (TestDatabase, Probe, Tenants) async throws -> Void) async throws {
        try await TestDatabase.with { database in try await withShop(in: database, body) }
    }

    private static func withShop(
        in database: TestDatabase, _ body: (TestDatabase, Probe, Tenants) async throws -> Void
    ) async throws {
        let tenants = Tenants(database: database.configuration, logger: .silent)
        try await tenants.create("shop")
        let probe = try await Probe(database)
        try await probe.script("SET nightjar.tenant = 'shop'")
        try await probe.register(
            #"[{"name": "post", "options": {}, "triggers": [{"event": "test/post"}], "cancel": []}]"#)
        try await body(database, probe, tenants)
        await tenants.close()
    }

    /// The queue whose runs are claimed, of the one app that there is.
    private static func claim(_ probe: Probe, limit: Int = 10) async throws -> [ClaimedRun] {
        try await probe.run { [session = probe.session] db in
            let rows = try db.query("SELECT function_id, app_id FROM nightjar.functions WHERE name = 'post'")
            return try Claim.make(
                db, queue: try rows[0].decode(1), functions: [try rows[0].decode(0)], session: session, limit: limit,
                low: .min
            ).runs
        }
    }

    private static func step(_ probe: Probe, _ call: String) async throws -> (state: String, moved: Int64, waits: Int) {
        try await probe.run { db in
            let row = try db.query("SELECT * FROM nightjar.\(call)")[0]
            return (try row.decode(0), try row.decode(1), try row.decode(2, as: [String]?.self)?.count ?? 0)
        }
    }

    @Test("Runs in every state rest while their tenant is suspended, and go on as they were")
    func states() async throws {
        try await Self.withShop { database, probe, tenants in
            for key in 0..<4 { try await probe.send("test/post", key: "\(key)") }
            let leased = try await Self.claim(probe, limit: 3)
            #expect(leased.count == 3)
            // One sleeps, one was handed back, one executes, one never began.
            #expect(try await probe.park(leased[0].lease, until: Date(timeIntervalSinceNow: -1)))
            #expect(
                try await probe.commit([LeasedCommit(lease: leased[1].lease, tenant: 2, next: .handBack)]).count == 1)
            let tenant = try await tenants.suspend("shop", reason: "unpaid")
            #expect(tenant.state == .suspended && tenant.reason == "unpaid" && tenant.liveRuns == 4)
            #expect(try await Self.claim(probe).isEmpty)
            // What executes goes on, and rests when it waits.
            #expect(try await probe.recordStep("step", under: leased[2].lease))
            #expect(try await probe.park(leased[2].lease, until: Date(timeIntervalSinceNow: -1)))
            #expect(try await Self.claim(probe).isEmpty)
            #expect(try await probe.count("live", where: "queue > 0") == 0)

            await #expect { try await probe.send("test/post", key: "5") } throws: {
                ($0 as? PostgresError)?.sqlState == .tenantSuspended
            }
            // Another tenant does not notice; and the same again changes nothing.
            let other = try await Probe(database)
            try await other.send("test/post", key: "other")
            #expect(try await tenants.suspend("shop").state == .suspended)
            // A worker that starts meanwhile, with a function that is new, claims from the queue in which nothing is.
            let queues = try await probe.run { db in
                try db.query(
                    "SELECT queue FROM nightjar.register($1, $2)",
                    [
                        Probe.queueName,
                        PostgresJSON(
                            #"[{"name": "new", "options": {}, "triggers": [{"event": "test/new"}], "cancel": []}]"#),
                    ]
                ).map { try $0.decode(0, as: Int32.self) }
            }
            #expect(queues.count == 2 && queues.allSatisfy { $0 > 0 })
            #expect(try await probe.count("functions", where: "queue > 0") == 0)

            #expect(try await tenants.resume("shop").state == .active)
            #expect(try await probe.count("live", where: "queue < 0") == 0)
            #expect(try await probe.count("functions", where: "queue < 0") == 0)
            #expect(try await Self.claim(probe).count == 4)
            try await probe.send("test/post", key: "6")
            #expect(try await probe.violations() == [])
        }
    }

    @Test(
        "A transaction that was open before starts no run that is claimed, at either level of isolation",
        arguments: ["READ COMMITTED", "REPEATABLE READ"])
    func openSender(_ isolation: String) async throws {
        try await Self.withShop { database, probe, tenants in
            let sender = try await Probe(database)
            try await sender.script("SET nightjar.tenant = 'shop'; BEGIN ISOLATION LEVEL \(isolation)")
            // Its snapshot, or its insert, is older than the suspension.
            if isolation == "READ COMMITTED" {
                try await sender.send("test/post", key: "1")
            } else {
                _ = try await sender.value("SELECT count(*) FROM nightjar.tenants", as: Int64.self)
            }
            #expect(try await Self.step(probe, "suspend_tenant('shop')").state == "suspending")
            var step = try await Self.step(probe, "suspend_tenant('shop')")
            #expect(step.state == "suspending" && step.waits >= 1)
            if isolation != "READ COMMITTED" { try await sender.send("test/post", key: "1") }
            #expect(try await Self.step(probe, "suspend_tenant('shop')").state == "suspending")
            try await sender.script("COMMIT")
            #expect(try await probe.count("live", where: "queue > 0") == 1, "else this proves nothing")
            step = try await Self.step(probe, "suspend_tenant('shop')")
            #expect(step.moved == 1)
            #expect(try await Self.claim(probe).isEmpty)
            try await eventually("it is suspended") {
                try await Self.step(probe, "suspend_tenant('shop')").state == "suspended"
            }

            // The same on the way back: a run that was put to rest by a transaction that was open then.
            let run = try await probe.value("SELECT run_id::text FROM nightjar.live", as: String.self)
            try await probe.script("SELECT nightjar.cancel('\(run)')")
            try await sender.script("BEGIN ISOLATION LEVEL \(isolation); SELECT nightjar.rerun('\(run)')")
            #expect(try await Self.step(probe, "resume_tenant('shop')").state == "resuming")
            step = try await Self.step(probe, "resume_tenant('shop')")
            #expect(step.state == "resuming" && step.waits >= 1)
            try await sender.script("COMMIT")
            #expect(try await probe.count("live", where: "queue < 0") == 1, "else this proves nothing")
            try await eventually("it is resumed") {
                try await Self.step(probe, "resume_tenant('shop')").state == "active"
            }
            #expect(try await Self.claim(probe).count == 1)
        }
    }

    @Test("A claim and a suspension at once: the run is leased or rests, whoever comes first")
    func openClaim() async throws {
        try await Self.withShop { database, probe, tenants in
            let worker = try await Probe(database)
            try await probe.send("test/post", key: "1")
            try await probe.send("test/post", key: "2")
            // The claim is open: what it holds is left to it, and follows once it is leased.
            try await worker.script("BEGIN")
            let first = try await Self.claim(worker, limit: 1)
            #expect(first.count == 1)
            #expect(try await Self.step(probe, "suspend_tenant('shop')").moved == 1)
            #expect(try await Self.step(probe, "suspend_tenant('shop')").state == "suspending")
            try await worker.script("COMMIT")
            #expect(try await Self.step(probe, "suspend_tenant('shop')").moved == 1)
            #expect(try await worker.park(first[0].lease, until: Date(timeIntervalSinceNow: -1)))
            #expect(try await Self.claim(worker).isEmpty)
            try await tenants.suspend("shop")
            try await tenants.resume("shop")

            // The suspension is open: what it holds is not claimed, before and after.
            try await probe.script("BEGIN")
            #expect(try await Self.step(probe, "suspend_tenant('shop')").moved == 2)
            #expect(try await Self.claim(worker).isEmpty)
            try await probe.script("COMMIT")
            #expect(try await Self.claim(worker).isEmpty)
            try await tenants.suspend("shop")
            // Rolled back, it never was.
            try await tenants.resume("shop")
            try await probe.script("BEGIN; SELECT nightjar.suspend_tenant('shop'); ROLLBACK")
            #expect(try await Self.claim(worker).count == 2)
            #expect(try await probe.violations() == [])
        }
    }

    @Test("A function that is being registered when its tenant is suspended is suspended with it")
    func openRegistration() async throws {
        try await Self.withShop { database, probe, tenants in
            let other = try await Probe(database)
            try await other.script("SET nightjar.tenant = 'shop'; BEGIN")
            try await other.register(
                #"[{"name": "late", "options": {}, "triggers": [{"event": "test/post"}], "cancel": []}]"#)
            #expect(try await Self.step(probe, "suspend_tenant('shop')").state == "suspending")
            #expect(try await Self.step(probe, "suspend_tenant('shop')").state == "suspending")
            try await other.script("COMMIT")
            #expect(try await probe.count("functions", where: "queue > 0") == 1, "else this proves nothing")
            let tenant = try await tenants.suspend("shop")
            #expect(tenant.state == .suspended)
            #expect(try await probe.count("functions", where: "queue > 0") == 0)
        }
    }

    @Test("A registration of a tenant with a limit is waited for by a suspension, and neither ends in a deadlock")
    func registrationOfLimited() async throws {
        try await Self.withShop { database, probe, tenants in
            try await tenants.change("shop") { $0.liveRuns = 10 }
            let other = try await Probe(database)
            try await other.script("SET nightjar.tenant = 'shop'; BEGIN")
            // It holds the function's row, and is going to ask for the tenant's.
            try await other.register(#"[{"name": "post", "options": {"new": true}, "triggers": [], "cancel": []}]"#)
            async let suspended = tenants.suspend("shop")
            try await eventually("the suspension waits") {
                try await probe.value(
                    """
                    SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%suspend_tenant%'
                    """, as: Int64.self) == 1
            }
            try await other.register(
                #"[{"name": "late", "options": {}, "triggers": [{"event": "test/post"}], "cancel": []}]"#)
            try await other.script("COMMIT")
            #expect(try await suspended.state == .suspended)
            #expect(try await probe.count("functions", where: "queue > 0") == 0)
        }
    }

    @Test("A transaction that is prepared is waited for until it is committed, and its run rests with the others")
    func prepared() async throws {
        let (server, database) = try await TestDatabase.onServerOfItsOwn(settings: ["max_prepared_transactions": "4"])
        try await Self.withShop(in: database) { database, probe, tenants in
            let sender = try await Probe(database)
            for (gid, isPreparedFirst) in [("before", true), ("after", false)] {
                try await sender.script("SET nightjar.tenant = 'shop'; BEGIN")
                try await sender.send("test/post", key: gid)
                if isPreparedFirst { try await sender.script("PREPARE TRANSACTION '\(gid)'") }
                #expect(try await Self.step(probe, "suspend_tenant('shop')").state == "suspending")
                if !isPreparedFirst {
                    // It was seen open, and goes on under another name.
                    #expect(try await Self.step(probe, "suspend_tenant('shop')").waits >= 1)
                    try await sender.script("PREPARE TRANSACTION '\(gid)'")
                }
                for _ in 0..<3 {
                    let step = try await Self.step(probe, "suspend_tenant('shop')")
                    #expect(step.state == "suspending" && step.waits >= 1, "\(gid): \(step)")
                }
                try await sender.script("COMMIT PREPARED '\(gid)'")
                #expect(try await probe.count("live", where: "queue > 0") == 1, "else this proves nothing")
                #expect(try await tenants.suspend("shop").state == .suspended)
                #expect(try await probe.count("live", where: "queue > 0") == 0)
                #expect(try await Self.claim(probe).isEmpty)
                try await tenants.resume("shop")
                #expect(try await probe.count("live", where: "queue < 0") == 0)
            }
        }
        try await server.stop()
    }

    @Test("Beside a running worker: runs begin before and after, none meanwhile, each is executed once")
    func worker() async throws {
        try await TestDatabase.with { database in
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.create("shop")
            var configuration = database.configuration
            configuration.settings["nightjar.tenant"] = "shop"
            let mine = database.reached(by: configuration)
            let job = HeldJob(key: "held")
            try await RunningWorker.with(
                [job.function], in: mine,
                configure: {
                    $0.concurrency = 2; $0.localQueue = 0
                }
            ) { client in
                let held = try #require(try await client.runs(startedBy: client.send(TestJob(key: "held"))).first)
                try await job.started.wait()
                var later: [UUID] = []
                for number in 0..<20 {
                    let event = try await client.send(TestJob(key: "\(number)"))
                    later += try await client.runs(startedBy: event).map(\.id)
                }
                try await tenants.suspend("shop")
                let probe = try await Probe(database)
                // What the worker had leased ends; nothing else begins.
                job.release.set()
                _ = try await client.outcome(of: held.id)
                try await eventually("nothing executes") { try await probe.count("live", where: "state = 1") == 0 }
                let rest = try await probe.count("live")
                await #expect { try await client.send(TestJob(key: "refused")) } throws: {
                    ($0 as? NightjarError)?.code == .tenantSuspended
                }
                // Its worker looks again and again meanwhile, and is answered on the way back.
                try await tenants.resume("shop")
                for run in later { _ = try await client.outcome(of: run) }
                #expect(rest <= 20)
                #expect(job.log.lines.sorted() == (["held"] + (0..<20).map { "\($0)" }).sorted())
                #expect(try await probe.violations() == [])
            }
            await tenants.close()
        }
    }
}
