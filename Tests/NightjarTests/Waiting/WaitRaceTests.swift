import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

/// One event for many runs, many events for one run, many waits of one run.
struct WaitRaceTests {
    private static let long = Duration.seconds(3_600)

    @Test("One event resumes every run that waits for it, each once")
    func fanOut() async throws {
        let log = Log()
        let function = Function("post", on: TestJob.self).run { event, step -> String? in
            let approval = try await step.waitForEvent("all", Approved.self, timeout: Self.long)
            try await step.run("after") { log.add(event.data.key) }
            return approval?.id
        }
        let keys = (0..<700).map { "\($0)" }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database) { client in
                try await client.send(keys.map { try NewEvent(TestJob(key: $0)) })
                try await probe.await(keys.count, "waiting")
                try await client.send([Approved.event("k", id: "the one")])
                try await probe.await(keys.count, "completed")
            }
            let outputs = try await probe.count("outcomes", where: "output = '\"the one\"'")
            #expect(outputs == Int64(keys.count))
            #expect(log.lines.sorted() == keys.sorted())
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test(
        "Runs whose rows somebody holds are answered later, all others at once; also by what came before they waited",
        arguments: [true, false])
    func lockedRows(looksBack: Bool) async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            let user = try await Probe(database)
            try await probe.run { db in
                _ = try db.execute(
                    """
                    INSERT INTO nightjar.events (name, data) SELECT 'test/post', jsonb_build_object('key', n)
                    FROM generate_series(1, 250) n
                    """)
            }
            let leases = try await probe.claim(limit: 250).runs.map(\.lease)
            if looksBack {
                try await probe.send("test/new", key: "k")
                try await probe.settle()
            }
            let wait = OpenStep.wait("w", for: "test/new", looksBack: looksBack)
            let parked = try await probe.record(
                leases.map {
                    LeasedCommit(
                        lease: $0, tenant: 1, openings: [wait], next: .run(.park(until: wait.dueAt, reason: .waiting)))
                })
            #expect(parked.count == 250)
            if !looksBack { try await probe.send("test/new", key: "k") }

            let held = [leases[0], leases[120], leases[249]].map(\.run)
            try await user.script("BEGIN")
            try await user.run { db in
                _ = try db.query("SELECT FROM nightjar.live WHERE run_id = ANY ($1) FOR UPDATE", [held])
            }
            // Fewer at a time than there are.
            for _ in 0..<6 {
                try await probe.run { db in
                    _ = try db.query(Statement.applyPending.sql, [Int32(10), Int32(50), Int64(0)])
                }
            }
            try await probe.lookBack()
            let waiting = try await probe.run { db in
                try db.query("SELECT run_id FROM nightjar.open_steps WHERE arrived IS NULL").map {
                    try $0.decode(0, as: UUID.self)
                }
            }
            #expect(Set(waiting) == Set(held))
            try await user.script("COMMIT")
            try await probe.settle()
            let ready = try await probe.count("live", where: "state = 0 AND mail = 1")
            #expect(ready == 250)
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test(
        "Of several events that match the first one counts, applied together or one by one", arguments: [true, false])
    func firstWins(together: Bool) async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "k")
            let lease = try #require(try await probe.claim().runs.first?.lease)
            // The events match by different alternatives, the first one by the second.
            let match = try Match.expression("async.data.key == event.data.key || async.data.other == event.data.key")
            let isParked = try await probe.park(lease, opening: [.wait("w", for: "test/new", match)])
            #expect(isParked)
            let first = try await probe.send("test/new", data: #"{"other": "k"}"#)
            if !together { try await probe.settle() }
            try await probe.send("test/new", data: #"{"key": "k"}"#)
            try await probe.settle()
            let arrived = try await probe.arrival(lease.run, "w")
            #expect(arrived == first)
            let mail = try await probe.value("SELECT mail FROM nightjar.live", as: Int32.self)
            #expect(mail == 1)
            let waits = try await probe.count("waits", where: "purpose = 2")
            #expect(waits == 0)
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("Waits that race: the losers are withdrawn, on record and gone, and the run ends at once")
    func race() async throws {
        let function = Function("post", on: TestJob.self).run { event, step -> String in
            try await withThrowingTaskGroup(of: String.self) { group in
                for name in ["a", "b", "c"] {
                    group.addTask {
                        let expression = "async.data.key == '\(name)'"
                        return try await step.waitForEvent(name, Approved.self, if: expression, timeout: Self.long)?
                            .data.key ?? ""
                    }
                }
                defer { group.cancelAll() }
                return try await group.next() ?? ""
            }
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database) { client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                try await probe.await(1, "waiting")
                let open = try await probe.count("open_steps")
                #expect(open == 3)
                try await client.send([Approved.event("b")])
                let end = try await probe.end(of: run)
                #expect(end == Probe.End(status: "completed", output: "\"b\""))
                let steps = try await probe.steps(of: run)
                #expect(steps.first == "b")
                #expect(steps.dropFirst().sorted() == ["a withdrawn", "c withdrawn"])
                try await client.send([Approved.event("a"), Approved.event("c")])
                try await probe.awaitApplied()
            }
            let left = (
                try await probe.count("open_steps"), try await probe.count("waits"), try await probe.count("pending")
            )
            #expect(left == (0, 0, 0))
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("A wait races a sleep, and loses it")
    func againstSleep() async throws {
        let function = Function("post", on: TestJob.self).run { event, step -> String in
            let winner = try await withThrowingTaskGroup(of: String.self) { group in
                group.addTask { try await step.waitForEvent("w", Approved.self, timeout: Self.long)?.id ?? "nil" }
                group.addTask {
                    try await step.sleep("nap", for: .milliseconds(100))
                    return "nap"
                }
                defer { group.cancelAll() }
                return try await group.next() ?? ""
            }
            try await step.sleep("a replay", for: .milliseconds(50))
            return winner
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database) { client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                let end = try await probe.end(of: run)
                #expect(end == Probe.End(status: "completed", output: "\"nap\""))
                let steps = try await probe.steps(of: run)
                #expect(steps == ["nap", "w withdrawn", "a replay"])
            }
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("An event with many values answers many runs in one go, each once")
    func manyValues() async throws {
        let count = 700
        let function = Function("post", on: TestJob.self).run { event, step -> String? in
            try await step.waitForEvent(
                "batch", "test/batch", if: "event.data.key in async.data.keys", timeout: Self.long)?.id
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            // So long a poll that nothing is left for a second look.
            try await RunningWorker.with([function], in: database, configure: { $0.pollInterval = .seconds(600) }) {
                client in
                try await client.send((0..<count + 10).map { try NewEvent(TestJob(key: "k\($0)")) })
                try await probe.await(count + 10, "waiting")
                let keys = JSON.array((0..<count).map { .string("k\($0)") })
                try await client.send([NewEvent(name: "test/batch", data: ["keys": keys], id: "batch")])
                try await probe.await(count, "completed")
                try await probe.await(10, "waiting")
            }
            let outputs = try await probe.count("outcomes", where: "output = '\"batch\"'")
            #expect(outputs == Int64(count))
        }
    }
}
