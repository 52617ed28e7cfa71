import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// The order in which the runs of several tenants are claimed from one queue.
struct FairnessTests {
    @Test("Behind a tenant with much to do, tenants with one run each are in the next claim, whenever they come")
    func quiet() async throws {
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 100) { queue in
                for _ in 1...3 { try await queue.send(tenant: 1, count: 10_000) }
                for tenant in 2...60 { try await queue.send(tenant: tenant) }
                let first = try await queue.claim(limit: 100).byTenant
                #expect((2...60).allSatisfy { first[$0] == 1 }, "\(first)")
                // In the midst of the backlog, too.
                for _ in 1...20 { try await queue.claim(limit: 100) }
                for tenant in 61...100 { try await queue.send(tenant: tenant) }
                let later = try await queue.claim(limit: 100).byTenant
                #expect((61...100).allSatisfy { later[$0] == 1 }, "\(later)")
            }
        }
    }

    @Test(
        "Of two tenants with more to do than is done, one with weight 3 gets three times as much",
        arguments: [false, true])
    func weights(isConcurrent: Bool) async throws {
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 2) { queue in
                try await queue.change(tenant: 2, #"{"weight": 3}"#)
                if isConcurrent {
                    // Their events come in as claims go on, the light one's from more senders.
                    for _ in 1...2 {
                        try await queue.send(tenant: 1, count: 1_000); try await queue.send(tenant: 2, count: 2_000)
                    }
                    var claimed: [Int: Int] = [:]
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for sender in 0..<6 {
                            group.addTask {
                                let connection = PostgresSession(database.configuration, logger: .silent)
                                let (tenant, count) = sender < 2 ? (2, 75) : (1, 15)
                                for _ in 1...100 {
                                    try await connection.run { db in
                                        _ = try db.execute(
                                            "INSERT INTO nightjar.events (tenant_id, name) SELECT $1, 'test/work' FROM generate_series(1, $2::int)",
                                            [Int32(tenant), Int32(count)])
                                    }
                                }
                                await connection.close()
                            }
                        }
                        for _ in 1...100 {
                            claimed.merge(try await queue.claim(limit: 100).byTenant, uniquingKeysWith: +)
                        }
                        try await group.waitForAll()
                    }
                    let share = Double(claimed[2] ?? 0) / Double(claimed[1] ?? 1)
                    #expect((2.7...3.3).contains(share), "\(claimed)")
                } else {
                    try await queue.send(tenant: 1, count: 12_000)
                    try await queue.send(tenant: 2, count: 12_000)
                    var claimed: [Int: Int] = [:]
                    for _ in 1...20 { claimed.merge(try await queue.claim(limit: 500).byTenant, uniquingKeysWith: +) }
                    let share = Double(claimed[2] ?? 0) / Double(claimed[1] ?? 1)
                    #expect((2.7...3.3).contains(share), "\(claimed)")
                }
            }
        }
    }

    @Test("Nobody saves up: a tenant that has had nothing to do does not get more than its share afterwards")
    func idleness() async throws {
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 2) { queue in
                try await queue.send(tenant: 1, count: 3_000)
                for _ in 1...10 { try await queue.claim(limit: 200) }
                try await queue.send(tenant: 2, count: 1_000)
                let claimed = try await queue.claim(limit: 400).byTenant
                #expect((150...250).contains(claimed[2] ?? 0), "\(claimed)")
            }
        }
    }

    @Test("What one has used while nobody else wanted it does not count against it")
    func punishment() async throws {
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 2) { queue in
                for _ in 1...10 {
                    try await queue.send(tenant: 1, count: 200)
                    try await queue.claim(limit: 200)
                }
                try await queue.send(tenant: 2, count: 1_000)
                try await queue.send(tenant: 1, count: 1_000)
                let claimed = try await queue.claim(limit: 400).byTenant
                #expect((100...300).contains(claimed[1] ?? 0), "\(claimed)")
            }
        }
    }

    @Test("What is scheduled for later takes no place among what begins now")
    func scheduled() async throws {
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 2) { queue in
                try await queue.probe.run { db in
                    try db.script(
                        "INSERT INTO nightjar.events (tenant_id, name, ts) SELECT 1, 'test/work', now() + interval '1 day' FROM generate_series(1, 3000)"
                    )
                }
                try await queue.send(tenant: 2, count: 1_000)
                try await queue.send(tenant: 1, count: 100)
                let claimed = try await queue.claim(limit: 200).byTenant
                #expect((90...100).contains(claimed[1] ?? 0), "\(claimed)")
            }
        }
    }

    @Test("Pairs of tenants that share a lane delay each other no more than others do")
    func collision() async throws {
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 2) { queue in
                // 2 × 252 % 251 = 2 × 1 % 251.
                try await queue.probe.run { db in
                    try db.script("UPDATE nightjar.tenants SET tenant_id = 252 WHERE tenant_id = 2")
                }
                try await queue.send(tenant: 1, count: 5_000)
                try await queue.send(tenant: 252)
                let claimed = try await queue.claim(limit: 10).byTenant
                #expect(claimed[252] == 1, "\(claimed)")
            }
        }
    }

    @Test("Urgent runs come first among their tenant's, late ones later, and other tenants get what they got")
    func priorities() async throws {
        let priority = try PriorityExpression("event.data.urgency < 0 ? -5 : event.data.urgency").stored
        try await TestDatabase.with { database in
            try await SharedQueue.with(database, tenants: 2, priority: priority) { queue in
                try await queue.send(tenant: 1, count: 1_000)
                try await queue.send(tenant: 1, data: #"{"urgency": -1}"#)
                try await queue.send(tenant: 1, count: 1_000)
                try await queue.send(tenant: 2, count: 2_000)
                try await queue.send(tenant: 1, count: 5, data: #"{"urgency": 10}"#)
                let first = try await queue.claim(limit: 20)
                #expect(first.filter { $0.event.dataJSON.contains("10") }.count == 5, "\(first.map(\.pass))")
                #expect((6...12).contains(first.byTenant[2] ?? 0), "\(first.byTenant)")
                var later: [ClaimedRun] = []
                for _ in 1...10 { later += try await queue.claim(limit: 200) }
                #expect(!later.contains { $0.event.dataJSON.contains("-1") })
                var rest: [ClaimedRun] = []
                for _ in 1...20 { rest += try await queue.claim(limit: 200) }
                #expect(rest.contains { $0.event.dataJSON.contains("-1") })

                // All that one does is urgent: its share stays what it is.
                try await queue.send(tenant: 1, count: 1_000, data: #"{"urgency": 1}"#)
                try await queue.send(tenant: 2, count: 1_000)
                let shares = try await queue.claim(limit: 400).byTenant
                #expect((150...250).contains(shares[1] ?? 0), "\(shares)")
            }
        }
    }

    @Test("A function of one tenant may have a priority; what was there before goes first")
    func nativePriority() async throws {
        try await TestDatabase.with { database in
            let log = Log()
            let held = Signal()
            let release = Signal()
            let function = Function("post", on: TestJob.self).priority("event.data.key == \"urgent\"").run {
                event, step in
                try await step.run("work") {
                    if event.data.key == "first" {
                        held.set()
                        try await release.wait()
                    }
                    log.add(event.data.key)
                }
            }
            try await RunningWorker.with(
                [function], in: database,
                configure: {
                    $0.concurrency = 1; $0.localQueue = 0
                }
            ) { client in
                try await client.send(TestJob(key: "first"))
                try await held.wait()
                for number in 1...5 { try await client.send(TestJob(key: "\(number)")) }
                try await client.send(TestJob(key: "urgent"))
                release.set()
                try await eventually("all have been executed") { log.lines.count == 7 }
                #expect(log.lines.prefix(2) == ["first", "urgent"], "\(log.lines)")
                #expect(log.lines.suffix(5) == ["1", "2", "3", "4", "5"], "\(log.lines)")
            }
        }
    }

    @Test("A weight that cannot be, and a priority that cannot be read, are refused by name")
    func refusals() async throws {
        try await TestDatabase.with { database in
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.create("shop", limits: TenantLimits(weight: 2.5))
            #expect(try await tenants.tenant("shop")?.limits.weight == 2.5)
            await #expect { try await tenants.change("shop") { $0.weight = 0 } } throws: {
                "\($0)".contains("a weight cannot be 0") && "\($0)".contains("0.01 to 100")
            }
            await tenants.close()
        }
        let function = Function("post", on: TestJob.self).priority("event.data.").run { _, _ in }
        #expect { _ = try Registration.check([function]) } throws: { "\($0)".contains("priority: ") }
    }
}
