import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// More is due in a shared app than is claimed.
struct DealingTests {
    private struct Job: EventData {
        static let eventName = "test/job"
        var naps: Bool
    }

    @Test("Behind a tenant with much that is due, others' due runs, resumed ones and new ones are in the next claim")
    func quiet() async throws {
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 40) { queue in
                try await queue.sendDue(tenant: 1, count: 5_000)
                for tenant in 2...10 { try await queue.sendDue(tenant: tenant) }
                for tenant in 11...20 { try await queue.sendBack(tenant: tenant) }
                for tenant in 21...40 { try await queue.send(tenant: tenant) }
                let plain = try await queue.claim(limit: 60).byTenant
                #expect(plain == [1: 60])
                let dealt = try await queue.claim(limit: 60, deals: true).byTenant
                #expect((2...40).allSatisfy { dealt[$0] == 1 }, "\(dealt)")
                // The others have no use for a second one.
                #expect(dealt[1] == 60 - 39, "\(dealt)")
            }
        }
    }

    @Test("Of two tenants with much that is due, one with weight 3 gets three times as much", arguments: [1, 7, 400])
    func weights(limit: Int) async throws {
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 2) { queue in
                try await queue.change(tenant: 2, #"{"weight": 3}"#)
                try await queue.sendDue(tenant: 1, count: 3_000)
                try await queue.sendBack(tenant: 2, count: 3_000)
                var claimed: [Int: Int] = [:]
                for _ in 1...(limit == 1 ? 1_000 : 2_800 / limit) {
                    claimed.merge(
                        try await queue.claim(limit: limit, deals: true).byTenant, uniquingKeysWith: +)
                }
                let share = Double(claimed[2] ?? 0) / Double(claimed.values.reduce(0, +))
                // By lot, if there is room for one: then 4.5 standard deviations.
                #expect((0.69...0.81).contains(share), "\(claimed)")
            }
        }
    }

    @Test("More tenants than one deal looks at take turns, whatever numbers they have")
    func manyTenants() async throws {
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 1) { queue in
                try await queue.probe.run { db in
                    try db.script(
                        """
                        INSERT INTO nightjar.tenants (tenant_id, name) SELECT n, 'tenant ' || n FROM generate_series(2, 700) n;
                        INSERT INTO nightjar.tenants (tenant_id, name) VALUES (1000000, 'last')
                        """)
                }
                try await queue.sendDue(tenant: 1, count: 1_000)
                for tenant in [600, 700, 1_000_000] { try await queue.sendDue(tenant: tenant) }
                var claimed: [Int: Int] = [:]
                var stops: [Int32] = []
                for _ in 1...2 {
                    let (runs, stop) = try await queue.deal(limit: 20, after: stops.last ?? 0)
                    claimed.merge(runs.byTenant, uniquingKeysWith: +)
                    stops.append(try #require(stop))
                }
                #expect(stops[0] == 500 && (stops[1] < 500 || stops[1] == 1_000_000), "\(stops)")
                for tenant in [600, 700, 1_000_000] { #expect(claimed[tenant] == 1, "\(claimed)") }
            }
        }
    }

    @Test(
        "What is not due, or others' that came back, is not read, whatever the planner knows", arguments: [false, true])
    func pages(isAnalyzed: Bool) async throws {
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 20) { queue in
                try await queue.probe.run { db in
                    try db.script("ALTER TABLE nightjar.live SET (autovacuum_enabled = off)")
                }
                // New runs; then runs that came back, and sleepers, of which each is due at another moment.
                try await queue.send(tenant: 2, count: 10_000)
                if isAnalyzed { try await queue.probe.run { db in try db.script("ANALYZE nightjar.live") } }
                try await queue.sendBack(tenant: 4, count: 10_000)
                try await queue.sendDue(tenant: 3, count: 10_000)
                try await queue.probe.run { db in
                    try db.script(
                        "UPDATE nightjar.live SET due_at = now() + interval '1 day' + random() * interval '1 day' WHERE due_at IS NOT NULL"
                    )
                    // What is dead is not what this is about.
                    try db.script("VACUUM nightjar.live")
                }
                let pages = try await queue.dealPages(limit: 20)
                #expect(pages < 2_000, "\(pages)")
            }
        }
    }

    @Test("With room for one run at a time, nobody waits for a tenant that always has something due")
    func narrow() async throws {
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 3) { queue in
                try await queue.sendDue(tenant: 1, count: 1_000)
                try await queue.sendDue(tenant: 2, count: 20)
                try await queue.send(tenant: 3, count: 20)
                var claimed: [Int: Int] = [:]
                for _ in 1...400 {
                    claimed.merge(try await queue.claim(limit: 1, deals: true).byTenant, uniquingKeysWith: +)
                }
                #expect(claimed[1] == 360 && claimed[2] == 20 && claimed[3] == 20, "\(claimed)")
            }
        }
    }

    @Test("What others hold locked takes nothing from anybody: all is claimed, once, by several at a time")
    func together() async throws {
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 5) { queue in
                for tenant in 1...5 {
                    try await queue.sendDue(tenant: tenant, count: 400)
                    try await queue.send(tenant: tenant, count: 100)
                }
                for tenant in 1...2 { try await queue.sendBack(tenant: tenant, count: 50) }
                let all = 5 * 500 + 100
                var runs: [ClaimedRun] = []
                try await withThrowingTaskGroup(of: [ClaimedRun].self) { group in
                    for _ in 1...4 {
                        group.addTask {
                            let other = queue.beside(database)
                            var runs: [ClaimedRun] = []
                            while true {
                                let deals = Bool.random()
                                let claimed = try await other.claim(limit: 30, says: false, deals: deals)
                                runs += claimed
                                if claimed.isEmpty, !deals { break }
                            }
                            await other.probe.close()
                            return runs
                        }
                    }
                    for try await some in group { runs += some }
                }
                #expect(runs.count == all)
                #expect(Set(runs.map(\.lease.run)).count == all)
            }
        }
    }

    @Test("A worker for all tenants does so by itself, as soon as a claim brings nothing but what is due")
    func worker() async throws {
        let log = Log()
        let held = Signal()
        let release = Signal()
        let function = Function("work", on: Job.self).run { event, step in
            if event.data.naps { try await step.sleep("nap", for: .milliseconds(1)) }
            try await step.run("work") {
                if log.lines.isEmpty {
                    log.add("first")
                    held.set()
                    try await release.wait()
                } else {
                    log.add(step.tenant)
                }
            }
        }
        try await SharedApp.withTenants { app in
            try await RunningWorker.with(
                [function], in: app.database, tenants: .all,
                configure: {
                    $0.concurrency = 1; $0.localQueue = 0
                }
            ) { _ in
                try await app.shop.send(Job(naps: false))
                try await held.wait()
                // All of them are scheduled, and due before those of the other.
                try await app.probe.run { db in
                    _ = try db.execute(
                        """
                        INSERT INTO nightjar.events (tenant_id, name, data, ts)
                        SELECT 2, 'test/job', '{"naps": false}', now() + interval '1 day' FROM generate_series(1, 400)
                        """)
                    _ = try db.execute(
                        """
                        INSERT INTO nightjar.events (tenant_id, name, data, ts)
                        SELECT 3, 'test/job', '{"naps": false}', now() + interval '2 days'
                        """)
                    _ = try db.execute(
                        """
                        UPDATE nightjar.live SET due_at = now() + CASE tenant_id WHEN 2 THEN '-2 seconds' ELSE '-1 second' END::interval
                        WHERE due_at IS NOT NULL
                        """)
                }
                try await app.cafe.send(Job(naps: false))
                release.set()
                try await eventually("all have been executed") { log.lines.count == 403 }
                // In the last place, but for the dealing. By lot: all but once in many millions.
                let places = log.lines.indices.filter { log.lines[$0] == "cafe" }
                #expect(places.count == 2 && places.allSatisfy { $0 < 200 }, "\(places)")
            }
        }
    }
}
