import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import Synchronization
import TestSupport
import Testing

@testable import Nightjar

/// A first limit, and the runs that are there already.
struct BindingTests {
    /// How many bodies execute.
    private final class Gauge: Sendable {
        private let state = Mutex((now: 0, most: 0, total: 0))

        var now: Int { state.withLock { $0.now } }
        var most: Int { state.withLock { $0.most } }
        var total: Int { state.withLock { $0.total } }

        func enter() {
            state.withLock { state in
                state.now += 1
                state.total += 1
                state.most = max(state.most, state.now)
            }
        }

        func leave() { state.withLock { $0.now -= 1 } }

        func reset() { state.withLock { $0 = (0, 0, 0) } }
    }

    /// Runs of `post`, of which two execute; then it gets limits.
    private static func with(
        _ limits: [ConcurrencyLimit], runs: Int = 8, _ body: (Probe, _ executing: [Lease]) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let first = try await Probe(database)
            try await first.registerLimited(["post": [], "free": []])
            let probe = try await Probe(database)
            for number in 0..<runs { try await probe.send("test/post", key: number % 2 == 0 ? "a" : "b") }
            try await probe.send("test/free", key: "a")
            let executing = Array(
                try await probe.claim(limit: 2).runs.map(\.lease).sorted { $0.run.uuidString < $1.run.uuidString })
            try await probe.registerLimited(["post": limits, "free": []])
            try await body(probe, executing)
            #expect(try await probe.violations() == [])
        }
    }

    /// Walks to the end, as workers do.
    private static func bind(_ probe: Probe, most: Int32 = 3) async throws {
        for _ in 0..<100 {
            let pause = try await probe.run { db in
                try db.query("SELECT nightjar.bind_runs($1)", [most])[0].decode(0, as: Duration?.self)
            }
            guard pause == .zero else { return }
        }
        Issue.record("the walk has no end")
    }

    private static func isUnbound(_ probe: Probe) async throws -> Bool {
        try await probe.value(
            """
            SELECT EXISTS (SELECT FROM nightjar.functions WHERE binds_since IS NOT NULL)
                OR EXISTS (SELECT FROM nightjar.tenants WHERE binds_since IS NOT NULL)
            """, as: Bool.self)
    }

    @Test("What waits is bound; what executes counts, and no other begins until there is room; others are not touched")
    func function() async throws {
        try await Self.with([ConcurrencyLimit(limit: 2)]) { probe, executing in
            #expect(try await Self.isUnbound(probe))
            try await Self.bind(probe)
            #expect(try await !Self.isUnbound(probe))
            #expect(try await probe.count(live: Probe.waiting) == 6)
            #expect(try await probe.grant().granted == 0)
            #expect(try await probe.claimAdmitted().count == 1, "it has no limit")
            #expect(try await probe.complete(executing[0]))
            #expect(try await probe.grant(released: [executing[0].run]).granted == 1)
            #expect(try await probe.claimAdmitted().count == 1)
        }
    }

    @Test("Each by its key; a key that nobody of them has used up has all its room")
    func keys() async throws {
        try await Self.with([.byKey(1)]) { probe, executing in
            try await Self.bind(probe)
            // One of each key executes.
            #expect(try await probe.grant().granted == 0)
            #expect(try await probe.complete(executing[1]))
            #expect(try await probe.grant(released: [executing[1].run]).granted == 1)
            try await probe.send("test/post", key: "c")
            #expect(try await probe.grant().granted == 1)
        }
    }

    @Test("Where whole runs count, those that have begun hold a slot, though they sleep")
    func wholeRuns() async throws {
        try await Self.with([ConcurrencyLimit(limit: 3, level: .run)]) { probe, executing in
            #expect(try await probe.park(executing[0], until: .now.addingTimeInterval(3_600)))
            try await Self.bind(probe)
            #expect(try await probe.count(live: "due_at IS NOT NULL AND \(Probe.waiting)") == 1)
            #expect(try await probe.grant().granted == 1)
        }
    }

    @Test("A tenant's first limit binds all that it has, also what has other limits")
    func tenant() async throws {
        try await Self.with([.byKey(1)]) { probe, executing in
            try await Self.bind(probe)
            #expect(try await probe.grant().granted == 0)
            try await probe.script("SELECT nightjar.set_tenant('1', '{\"max_executing\": 2}')")
            #expect(try await Self.isUnbound(probe))
            try await probe.script("UPDATE nightjar.binding SET next_at = NULL")
            try await Self.bind(probe)
            #expect(try await !Self.isUnbound(probe))
            // Two execute: neither the other key's nor the function without limits has room.
            try await probe.send("test/post", key: "c")
            #expect(try await probe.grant().granted == 0)
            #expect(try await probe.claimAdmitted().isEmpty)
            for lease in executing { #expect(try await probe.complete(lease)) }
            #expect(try await probe.grant(released: executing.map(\.run)).granted == 2)
            #expect(try await probe.grant().granted == 0)

            // Taken away, it binds nobody.
            try await probe.script("SELECT nightjar.set_tenant('1', '{\"max_executing\": null}')")
            #expect(try await !Self.isUnbound(probe))
        }
    }

    @Test("What somebody has locked meanwhile is bound by the next walk")
    func locked() async throws {
        try await Self.with([ConcurrencyLimit(limit: 1)]) { probe, _ in
            let other = try await Probe(probe.database)
            try await other.script(
                "BEGIN; SELECT FROM nightjar.live WHERE state = 0 ORDER BY run_id LIMIT 1 FOR UPDATE")
            try await Self.bind(probe)
            #expect(try await Self.isUnbound(probe))
            #expect(try await probe.count(live: Probe.waiting) == 5)
            try await other.script("COMMIT")
            try await probe.script("UPDATE nightjar.binding SET next_at = NULL")
            try await Self.bind(probe)
            #expect(try await !Self.isUnbound(probe))
            #expect(try await probe.count(live: Probe.waiting) == 6)
        }
    }

    @Test("Runs of a transaction that has not seen the limit are bound, whenever it ends")
    func late() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.registerLimited(["post": []])
            let late = try await Probe(database)
            try await late.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM nightjar.functions")
            try await probe.registerLimited(["post": [ConcurrencyLimit(limit: 1)]])
            try await Self.bind(probe)
            try await late.send("test/post", key: "a")
            try await probe.script("UPDATE nightjar.binding SET next_at = NULL")
            try await Self.bind(probe)
            #expect(try await Self.isUnbound(probe))
            try await late.script("COMMIT")
            #expect(try await probe.count(live: Probe.waiting) == 0)
            try await probe.script("UPDATE nightjar.binding SET next_at = NULL")
            try await Self.bind(probe)
            #expect(try await !Self.isUnbound(probe))
            #expect(try await probe.count(live: Probe.waiting) == 1)
        }
    }

    @Test("A worker whose function has got a limit keeps to it, whatever waits")
    func worker() async throws {
        let gauge = Gauge()
        let release = Signal()
        func function(_ limit: Int?) -> FunctionDefinition {
            let plain = Function("post", on: TestJob.self)
            return (limit.map { plain.concurrency($0) } ?? plain).run { event, step in
                try await step.run("work") {
                    gauge.enter()
                    defer { gauge.leave() }
                    if event.data.key != "first" { try await release.wait() }
                }
            }
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function(nil)], in: database) { client in
                let run = try await client.runs(startedBy: client.send(TestJob(key: "first")))[0]
                _ = try await client.outcome(of: run.id)
            }
            gauge.reset()
            let client = Client(database: database.configuration, logger: .silent)
            for number in 1...40 { try await client.send(TestJob(key: "\(number)")) }
            await client.close()
            try await RunningWorker.with([function(3)], in: database, configure: { $0.concurrency = 20 }) { _ in
                try await eventually("three execute, and all others wait for slots") {
                    try await probe.value(
                        "SELECT count(*) = 37 FROM nightjar.live WHERE queue > 1073741824", as: Bool.self)
                        && gauge.now == 3
                }
                release.set()
                try await eventually("all have been executed") {
                    try await probe.value("SELECT NOT EXISTS (SELECT FROM nightjar.live)", as: Bool.self)
                }
            }
            #expect(gauge.most == 3 && gauge.total == 40)
            #expect(try await probe.violations() == [])
        }
    }
}
