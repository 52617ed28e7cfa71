import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// Limits that several functions share, and those of tenants.
struct SharedLimitTests {
    @Test(
        "Functions of two apps share a limit by the value of their keys; whoever releases a slot offers it to the other's"
    )
    func acrossApps() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.registerLimited(["post": [.byKey(1, scope: .environment)]])
            try await probe.registerLimited(["mail": [.byKey(1, scope: .environment)]], app: "other")
            let (here, there) = (try await Probe(database), try await Probe(database))
            for (probe, app) in [(here, Probe.queueName), (there, "other")] {
                try await probe.run { [session = probe.session] db in
                    _ = try db.execute(
                        """
                        UPDATE nightjar.sessions SET queue = (SELECT app_id FROM nightjar.apps WHERE name = $2)
                        WHERE session_id = $1
                        """, [session, app])
                }
            }
            try await here.send("test/post", key: "a")
            try await here.send("test/mail", key: "a")
            try await here.send("test/mail", key: "b")
            #expect(try await here.grant().granted == 1)
            #expect(try await there.grant(app: "other").granted == 1)
            let lease = try #require(try await here.claimAdmitted().first)
            #expect(try await here.complete(lease))
            let answer = try await here.grant(released: [lease.run])
            #expect(answer.granted == 0 && answer.elsewhere == 1)
            #expect(try await there.grant(app: "other").granted == 1)
            #expect(try await there.claimAdmitted(app: "other").count == 2)
            // Of an app that nobody serves nothing is granted.
            try await here.send("test/post", key: "a")
            try await here.send("test/post", key: "b")
            _ = try await here.grant()
            #expect(try await here.count(live: Probe.blocked) == 2)
            #expect(try await here.violations() == [])
        }
    }

    @Test(
        "A tenant's limit holds for all its functions, exactly; its first one binds what begins later, a change all of them"
    )
    func tenants() async throws {
        try await TestDatabase.with { database in
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.create("shop")
            let setup = try await Probe(database)
            try await setup.script("SET nightjar.tenant = 'shop'")
            try await setup.registerLimited(["post": [], "mail": []])
            let probe = try await Probe(database)
            try await probe.script("SET nightjar.tenant = 'shop'")
            try await probe.send("test/post", key: "before")
            let two = try await tenants.change("shop") { $0.executing = 2 }
            #expect(two.limits.executing == 2)
            for name in ["post", "mail", "post", "mail"] { try await probe.send("test/\(name)", key: "a") }
            #expect(try await probe.count(live: Probe.waiting) == 4)
            #expect(try await probe.grant().granted == 2)
            #expect(try await probe.count(live: Probe.admitted) == 3)
            let three = try await tenants.change("shop") { $0.executing = 3 }
            #expect(three.limits.executing == 3)
            let raised = try await probe.grant(sweep: true).granted
            #expect(raised == 1)
            try await tenants.change("shop") { $0.executing = nil }
            let freed = try await probe.grant(sweep: true).granted
            #expect(freed == 1)
            try await probe.send("test/post", key: "after")
            #expect(try await probe.count(live: "slots IS NULL") == 2)
            await #expect { try await tenants.change("shop") { $0.executing = 0 } } throws: {
                "\($0)".contains("max_executing")
            }
            #expect(try await probe.violations() == [])
            await tenants.close()
        }
    }

    @Test(
        "Runs that wait, are blocked or are admitted rest with their tenant, and go on as they were; deleted, all are gone"
    )
    func suspension() async throws {
        try await TestDatabase.with { database in
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.create("shop")
            let setup = try await Probe(database)
            try await setup.script("SET nightjar.tenant = 'shop'")
            try await setup.registerLimited(["post": [.byKey(1)]])
            let probe = try await Probe(database)
            try await probe.script("SET nightjar.tenant = 'shop'")
            for _ in 0..<3 { try await probe.send("test/post", key: "a") }
            #expect(try await probe.grant().granted == 1)
            let lease = try #require(try await probe.claimAdmitted().first)
            try await probe.send("test/post", key: "b")
            let before = try await Self.queues(probe)
            #expect(before.count == 3)
            try await tenants.suspend("shop")
            #expect(try await Self.queues(probe) == before.map { -$0 }.sorted())
            #expect(try await tenants.tenant("shop")?.liveRuns == 4)
            let none = try await probe.grant(released: [lease.run], sweep: true)
            #expect(none.granted == 0)
            #expect(try await probe.park(lease, until: Date(timeIntervalSinceNow: -1)))
            try await tenants.resume("shop")
            #expect(try await probe.count(live: "queue < 0") == 0)
            #expect(try await probe.grant(sweep: true).granted == 2)
            #expect(try await probe.violations() == [])
            try await tenants.delete("shop")
            let left = try await probe.value(
                "SELECT (SELECT count(*) FROM nightjar.live) + (SELECT count(*) FROM nightjar.held_slots)",
                as: Int64.self)
            #expect(left == 0)
            await tenants.close()
        }
    }

    private static func queues(_ probe: Probe) async throws -> [Int32] {
        try await probe.run { db in
            try db.query("SELECT DISTINCT queue FROM nightjar.live ORDER BY queue").map { try $0.decode(0) }
        }
    }

    @Test("The report tells who holds and lacks what")
    func report() async throws {
        try await TestDatabase.with { database in
            let setup = try await Probe(database)
            try await setup.registerLimited(["post": [.byKey(1)]])
            let probe = try await Probe(database)
            for _ in 0..<3 { try await probe.send("test/post", key: "a") }
            _ = try await probe.grant()
            let line = try await probe.value(
                """
                SELECT concat_ws(' ', tenant, app, function, scope, level, key_expression, most, used, blocked,
                                 oldest_blocked_at <= clock_timestamp()) FROM nightjar_report.limits
                """, as: String.self)
            #expect(line == "default probe post fn step event.data.key 1 1 2 t")
        }
    }
}
