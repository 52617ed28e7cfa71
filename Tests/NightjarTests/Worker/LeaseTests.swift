import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// Who may act for a run, and what a lease is worth.
struct LeaseTests {
    @Test("A recorded step is not executed again by the worker that takes the run over")
    func memo() async throws {
        let log = Log()
        let function = Function("post", on: TestJob.self).run { event, step in
            let a = try await step.run("a") {
                log.add("a"); return 10
            }
            return try await step.run("b") {
                log.add("b"); return a + 1
            }
        }
        try await TestDatabase.with { database in
            let dead = try await Probe(database)
            try await Probe.registerPost(in: database)
            try await dead.send("test/post", key: "k")
            let lease = try #require(try await dead.claim().runs.first?.lease)
            #expect(
                try await !dead.commit([
                    LeasedCommit(lease: lease, tenant: 1, steps: [.done("a", output: "41")], next: .run(.keep))
                ]).isEmpty)
            try await dead.markDead(dead.session)

            try await RunningWorker.with([function], in: database, app: Probe.queueName) { client in
                let outcome = try await client.outcome(of: lease.run)
                #expect(outcome == .completed(output: "42"))
            }
            #expect(log.lines == ["b"])
            // The one that was thought dead wakes up, and is refused.
            #expect(try await !dead.recordStep("b", under: lease))
            #expect(try await !dead.complete(lease))
            #expect(try await dead.violations() == [])
        }
    }

    @Test("A lease of another epoch or another session is worth nothing")
    func fence() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let one = try await Probe(database)
            let two = try await Probe(database)
            try await one.send("test/post", key: "k")
            let lease = try #require(try await one.claim().runs.first?.lease)
            var other = lease
            other.session = two.session
            var later = lease
            later.epoch += 1
            for wrong in [other, later] {
                #expect(try await !one.complete(wrong))
                #expect(try await !one.park(wrong, until: .now))
                #expect(try await !one.recordStep("x", under: wrong))
            }
            #expect(try await one.complete(lease))
            #expect(try await !one.complete(lease), "an outcome is written once")
            #expect(try await one.violations() == [])
        }
    }

    @Test("A session that is dead or gone leases nothing")
    func deadSession() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "k")
            try await probe.markDead(probe.session)
            #expect(try await probe.claim().runs.isEmpty)
            try await probe.script("DELETE FROM nightjar.sessions")
            #expect(try await probe.claim().runs.isEmpty)
            #expect(try await probe.runs(key: "k").map(\.status) == ["queued"])
        }
    }

    @Test("A lease of which the worker does not know is handed back: the answer to its claim was lost")
    func lostClaim() async throws {
        let log = Log()
        let function = Function("post", on: TestJob.self).run { event, step in
            try await step.run("work") { log.add(event.data.key) }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let probe = try await Probe(database)
                // A run that sleeps for ever, leased by hand in the name of the worker's session.
                try await client.send(TestJob(key: "lost"), at: Date(timeIntervalSinceNow: 3_600))
                try await probe.run { db in
                    _ = try db.execute(
                        """
                        UPDATE nightjar.live SET state = 1, due_at = NULL, epoch = 1,
                               session_id = (SELECT session_id FROM nightjar.sessions WHERE name LIKE 'test %' AND NOT dead)
                        """)
                }
                try await eventually("it is executed after all") { log.lines == ["lost"] }
            }
        }
    }

    @Test("A run whose event cannot be read fails, and keeps nobody else from running")
    func unreadable() async throws {
        let log = Log()
        let function = Function("post", on: TestJob.self).run { event, step in
            try await step.run("work") { log.add(event.data.key) }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let probe = try await Probe(database)
                try await probe.script("ALTER TABLE nightjar.events DROP CONSTRAINT event_ts_range")
                let lost = try await client.send(TestJob(key: "lost"), at: Date(timeIntervalSinceNow: 1))
                let ancient = try await probe.value(
                    "SELECT nightjar.send('test/post', '{\"key\": \"ancient\"}', ts => '-infinity')", as: String.self)
                try await probe.run { db in
                    _ = try db.execute("DELETE FROM nightjar.events WHERE event_id = $1", [UUID(uuidString: lost)])
                }
                try await client.send((0..<20).map { try NewEvent(TestJob(key: "\($0)")) })
                try await eventually("all others ran") { log.lines.count == 20 }
                for event in [lost, ancient] {
                    let run = try #require(try await client.runs(startedBy: event).first?.id)
                    guard case .failed(let error) = try await client.outcome(of: run) else {
                        Issue.record("\(event) did not fail")
                        continue
                    }
                    #expect(error.message.contains("cannot be read"))
                }
            }
        }
    }
}
