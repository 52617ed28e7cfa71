import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// Slots, statement by statement.
struct GrantTests {
    private static func with(
        _ limits: [String: [ConcurrencyLimit]], _ body: (Probe) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.registerLimited(limits)
            // Its session names the queue, which is there by now.
            let worker = try await Probe(database)
            try await body(worker)
            #expect(try await worker.violations() == [])
        }
    }

    @Test(
        "Of each value as many execute as there may, the others are blocked, in order; what is without limits is not touched"
    )
    func keys() async throws {
        try await Self.with(["post": [.byKey(2)], "free": []]) { probe in
            for _ in 0..<4 {
                for key in ["a", "b"] { try await probe.send("test/post", key: key) }
            }
            try await probe.send("test/free", key: "a")
            #expect(try await probe.count(live: Probe.waiting) == 8)
            #expect(try await probe.claimAdmitted().count == 1)
            let answer = try await probe.grant()
            #expect(answer.granted == 4 && !answer.hasMore && answer.nextIn == nil)
            #expect(try await probe.count(live: Probe.blocked) == 4)
            let leases = try await probe.claimAdmitted()
            #expect(leases.count == 4)
            #expect(try await probe.grant().granted == 0)

            // The oldest of that key, and no other.
            #expect(try await probe.complete(leases[0]))
            let next = try await probe.value(
                "SELECT run_id FROM nightjar.live WHERE \(Probe.blocked) ORDER BY pass LIMIT 1", as: UUID.self)
            #expect(try await probe.grant(released: [leases[0].run]).granted == 1)
            #expect(try await probe.claimAdmitted().map(\.run) == [next])
        }
    }

    @Test("Two grants at once take turns: the second sees what the first has given away")
    func race() async throws {
        try await Self.with(["post": [ConcurrencyLimit(limit: 2)]]) { probe in
            for _ in 0..<4 { try await probe.send("test/post", key: "a") }
            let other = try await Probe(probe.database)
            try await probe.script("BEGIN")
            // It looks at two, so the other has candidates of its own.
            #expect(try await probe.grant(1).granted == 1)
            async let second = other.grant()
            let watch = try await Probe(probe.database)
            try await eventually("the second waits for the first") {
                try await watch.value(
                    "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 1852403047 AND NOT granted)",
                    as: Bool.self)
            }
            try await probe.script("COMMIT")
            let granted = try await second.granted
            #expect(granted == 1)
            #expect(try await probe.claimAdmitted().count == 2)
            #expect(try await other.grant(sweep: true).granted == 0)
        }
    }

    @Test("Sleeping, waiting and back-off hold no slot; what goes on stands in line again")
    func parked() async throws {
        try await Self.with(["post": [.byKey(1)]]) { probe in
            try await probe.send("test/post", key: "a")
            try await probe.send("test/post", key: "a")
            #expect(try await probe.grant().granted == 1)
            let first = try #require(try await probe.claimAdmitted().first)
            #expect(try await probe.park(first, until: Date(timeIntervalSinceNow: 0.05)))
            // Its time has come, and the one that came later was blocked before.
            try await probe.script("SELECT pg_sleep(0.06)")
            #expect(try await probe.grant(released: [first.run]).granted == 1)
            let second = try #require(try await probe.claimAdmitted().first)
            #expect(second.run != first.run)
            #expect(try await probe.count(live: "\(Probe.blocked) AND state = 2") == 1)
            #expect(try await probe.complete(second))
            #expect(try await probe.grant(released: [second.run]).granted == 1)
            #expect(try await probe.claimAdmitted().map(\.run) == [first.run])

            // A park of the future is told.
            let again = Lease(run: first.run, session: probe.session, epoch: 2)
            #expect(try await probe.park(again, until: Date(timeIntervalSinceNow: 3_600)))
            let nextIn = try #require(try await probe.grant(released: [first.run]).nextIn)
            #expect(nextIn > .seconds(3_000) && nextIn <= .seconds(3_600))
        }
    }

    @Test("A limit for whole runs is held over a sleep, and until the end")
    func wholeRuns() async throws {
        try await Self.with(["post": [.byKey(1, level: .run)]]) { probe in
            try await probe.send("test/post", key: "a")
            try await probe.send("test/post", key: "a")
            #expect(try await probe.grant().granted == 1)
            let first = try #require(try await probe.claimAdmitted().first)
            #expect(try await probe.park(first, until: Date(timeIntervalSinceNow: -1)))
            // Only the one that has its slot.
            #expect(try await probe.grant(released: [first.run]).granted == 1)
            let again = try #require(try await probe.claimAdmitted().first)
            #expect(again.run == first.run)
            #expect(try await probe.park(again, until: Date(timeIntervalSinceNow: 3_600)))
            #expect(try await probe.grant(released: [first.run], sweep: true).granted == 0)
            // Nobody tells of the end: the sweep finds it.
            try await probe.script("SELECT nightjar.cancel('\(first.run)')")
            #expect(try await probe.grant().granted == 0)
            #expect(try await probe.grant(sweep: true).granted == 1)
        }
    }

    @Test(
        "A run that is cancelled while it executes keeps its slot until its worker says that nothing executes, or is dead"
    )
    func interrupted() async throws {
        try await Self.with(["post": [ConcurrencyLimit(limit: 1)]]) { probe in
            for _ in 0..<3 { try await probe.send("test/post", key: "a") }
            #expect(try await probe.grant().granted == 1)
            for ending in ["said", "dead"] {
                let lease = try #require(try await probe.claimAdmitted().first)
                try await probe.script("SELECT nightjar.cancel('\(lease.run)')")
                try await probe.applyPending()
                #expect(try await probe.status(of: lease.run) == "cancelled")
                let kept = try await probe.grant(released: [lease.run], sweep: true)
                #expect(kept.granted == 0)
                if ending == "said" { try await probe.ended(lease) } else { try await probe.markDead(probe.session) }
                #expect(try await probe.grant(released: [lease.run]).granted == 1)
            }
            #expect(try await probe.count(live: Probe.admitted) == 1)
        }
    }

    @Test("A number that changes counts at once for the runs that there are; a limit that goes away holds nobody")
    func changes() async throws {
        try await Self.with(["post": [.byKey(3)]]) { probe in
            for _ in 0..<9 { try await probe.send("test/post", key: "a") }
            #expect(try await probe.grant().granted == 3)
            let leases = try await probe.claimAdmitted()
            try await probe.registerLimited(["post": [.byKey(1)]])
            #expect(try await probe.complete(leases[0]))
            #expect(try await probe.complete(leases[1]))
            #expect(try await probe.grant(released: leases.map(\.run)).granted == 0)
            #expect(try await probe.complete(leases[2]))
            #expect(try await probe.grant(released: leases.map(\.run)).granted == 1)
            try await probe.registerLimited(["post": [.byKey(4)]])
            // Nobody says so: found by the sweep.
            #expect(try await probe.grant().granted == 0)
            #expect(try await probe.grant(sweep: true).granted == 3)
            try await probe.registerLimited(["post": []])
            #expect(try await probe.grant(sweep: true).granted == 2)
            #expect(try await probe.count(live: Probe.admitted) == 6)
            try await probe.send("test/post", key: "a")
            #expect(try await probe.count(live: "slots IS NULL AND \(Probe.admitted)") == 1)
        }
    }

    @Test("Nobody who comes later takes the slot for which one is blocked")
    func noOvertaking() async throws {
        try await Self.with(["post": [.byKey(1)]]) { probe in
            for _ in 0..<3 { try await probe.send("test/post", key: "a") }
            #expect(try await probe.grant().granted == 1)
            let first = try #require(try await probe.claimAdmitted().first)
            #expect(try await probe.complete(first))
            try await probe.send("test/post", key: "a")
            let order = try await probe.run { db in
                try db.query("SELECT run_id FROM nightjar.live ORDER BY pass").map { try $0.decode(0, as: UUID.self) }
            }
            var granted: [UUID] = []
            var released = first.run
            for _ in 0..<3 {
                // The one that comes later is looked at in the same call.
                #expect(try await probe.grant(released: [released]).granted == 1)
                let lease = try #require(try await probe.claimAdmitted().first)
                granted.append(lease.run)
                released = lease.run
                #expect(try await probe.complete(lease))
            }
            #expect(granted == order)
        }
    }

    @Test("With two limits a run takes both slots or none, and waits for the one that it lacks")
    func twoKeys() async throws {
        try await Self.with(["post": [ConcurrencyLimit(limit: 2), .byKey(1)]]) { probe in
            for key in ["a", "a", "b", "c"] { try await probe.send("test/post", key: key) }
            #expect(try await probe.grant().granted == 2)
            let leases = try await probe.claimAdmitted()
            #expect(leases.count == 2)
            #expect(try await probe.count(live: "blocked_on = slots[2]") == 1)
            #expect(try await probe.count(live: "blocked_on = slots[1]") == 1)
            // Room for both: the second a needs both, c one.
            #expect(try await probe.complete(leases[0]))
            #expect(try await probe.grant(released: [leases[0].run]).granted == 1)
            #expect(try await probe.complete(leases[1]))
            #expect(try await probe.grant(released: [leases[1].run]).granted == 1)
            #expect(try await probe.count(live: Probe.admitted) == 2)
            #expect(try await probe.value("SELECT count(*) FROM nightjar.held_slots", as: Int64.self) == 4)
        }
    }

    @Test("Values that cannot be read share a limit; numbers and texts that look alike do, too")
    func values() async throws {
        try await Self.with(["post": [.byKey(1)]]) { probe in
            try await probe.script(
                """
                INSERT INTO nightjar.events (name, data)
                SELECT 'test/post', d::jsonb FROM unnest(ARRAY['{}', '{"other": 1}', '{"key": 1}', '{"key": "1"}', '{"key": null}']) d
                """)
            #expect(try await probe.grant().granted == 2)
            #expect(try await probe.count(live: Probe.blocked) == 3)
        }
    }

    @Test("10,000 runs over a limit are looked at once: what follows reads a bounded number of pages")
    func many() async throws {
        try await Self.with(["post": [.byKey(5)]]) { probe in
            try await probe.script(
                """
                INSERT INTO nightjar.events (name, data)
                SELECT 'test/post', '{"key": "a"}' FROM generate_series(1, 10000)
                """)
            var calls = 0
            repeat { calls += 1 } while try await probe.grant().hasMore && calls < 100
            #expect(try await probe.count(live: Probe.waiting) == 0)
            #expect(try await probe.count(live: Probe.blocked) == 9_995)
            let run = try await probe.value(
                "SELECT run_id FROM nightjar.live WHERE \(Probe.admitted) LIMIT 1", as: UUID.self)
            try await probe.script("SELECT nightjar.cancel('\(run)')")
            try await probe.script("VACUUM ANALYZE nightjar.live")
            _ = try await probe.grant()
            let pages = try await probe.run { db in
                let lines = try db.query(
                    """
                    EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM nightjar.grant_slots(
                        (SELECT app_id FROM nightjar.functions), (SELECT array_agg(function_id) FROM nightjar.functions), 10,
                        ARRAY['\(run)']::uuid[], '{}', true)
                    """)
                let plan = try JSONCoding.value(JSON.self, from: lines[0].decode(0, as: PostgresJSON.self).text)
                return plan[0]?["Plan"]?["Shared Hit Blocks"]?.integer ?? .max
            }
            #expect(pages < 1_500, "\(pages)")
            #expect(try await probe.count(live: Probe.admitted) == 5)
        }
    }
}
