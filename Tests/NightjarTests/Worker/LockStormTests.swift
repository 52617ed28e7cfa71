import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// Who waits for whom when everything happens at once: see docs/lock-protocol.md.
struct LockStormTests {
    @Test("Everything that takes locks at once, over the same runs: nobody waits in a circle, and nothing is lost")
    func storm() async throws {
        try await TestDatabase.with { database in
            let storm = try await LockStorm(database)
            for round in 0..<6 {
                try await storm.round(round)
                let lost = try await storm.lost()
                #expect(lost == [])
                let violations = try await storm.worker.violations()
                #expect(violations == [])
                try await storm.cleanUp()
            }
            let deadlocks = try await storm.deadlocks()
            #expect(deadlocks == 0)
        }
    }

    @Test("Neither a search of what came before steps nor an application of events waits for a commit under way")
    func commitUnderWay() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let worker = try await Probe(database)
            let other = try await Probe(database)
            try await worker.send("test/post", key: "k")
            let lease = try #require(try await worker.claim().runs.first?.lease)
            let wait = try Match.path("data.key")
            let isParked = try await worker.park(
                lease,
                opening: [
                    .wait("w1", for: "test/answer", wait, looksBack: true), .wait("w2", for: "test/other", wait),
                ])
            #expect(isParked)
            try await other.send("test/other", key: "k")
            try await other.applyPending()
            let again = try #require(try await worker.claim().runs.first?.lease)

            // Both steps end in a commit that is not finished yet: nobody may touch their rows.
            try await worker.script("BEGIN")
            let ends = ["w2", "w1"].map { step in
                RecordedStep(
                    step: step, kind: .waitForEvent, output: #"{"id": "1"}"#, startedAt: Date(), endedAt: Date())
            }
            let accepted = try await worker.commit([
                LeasedCommit(lease: again, tenant: 1, steps: ends, mail: 1, next: .run(.keep))
            ])
            #expect(accepted == [lease.run])
            try await other.send("test/answer", key: "k")
            try await other.send("test/cancel", key: "k")
            try await other.script("SET lock_timeout = '100ms'")
            try await other.applyPendingOnce()
            let isSearchedAgain = try await other.lookBack()
            #expect(isSearchedAgain)
            try await worker.script("COMMIT")
            try await other.settle()
            let status = try await other.status(of: lease.run)
            #expect(status == "cancelled")
            let violations = try await other.violations()
            #expect(violations == [])
        }
    }

    @Test("A user's transaction that holds runs of every kind stops nobody else")
    func holdingUser() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let user = try await Probe(database)
            let functions = HoldableFunctions()
            try await RunningWorker.with(functions.all, in: database) { client in
                let kinds = ["sleeps", "waits", "invokes"]
                let keys = ["held", "other"].flatMap { who in kinds.map { "\(who)-\($0)" } }
                try await client.send(keys.map { try NewEvent(Job(key: $0)) })
                try await client.send([NewEvent(Job(key: "bulk-1-sleeps")), NewEvent(Job(key: "bulk-2-sleeps"))])
                try await client.send(Job(key: "answered-waits"))
                try await probe.await(4 + 2, "sleeping")
                try await probe.await(3, "waiting")
                try await probe.await(2, "invoking")

                // Ends three, holds one by hand, answers one, starts one; none of it is committed.
                try await user.script("BEGIN")
                for kind in kinds { try await user.send(Stop.eventName, key: "held-\(kind)") }
                try await user.send(Answer.eventName, key: "answered-waits")
                try await user.send(Job.eventName, key: "unborn-works")
                let held = try await probe.run(of: "bulk-1-sleeps")
                let answer = try await user.value("SELECT nightjar.cancel($1)", [held], as: String.self)
                #expect(answer == "cancelled")

                // Meanwhile everybody else's go on: they end, are answered, begin, time out, are cancelled in every way.
                try await client.send(Answer(key: "other-waits"))
                try await client.send([Stop(key: "other-sleeps"), Stop(key: "other-invokes")].map { try NewEvent($0) })
                try await client.send(Stop(key: "held-sleeps"))
                try await client.send((0..<20).map { try NewEvent(Job(key: "\($0)-works")) })
                try await client.send([NewEvent(Job(key: "late-looks")), NewEvent(Limited(key: "limited"))])
                let bulk = try await probe.value(
                    "SELECT nightjar.bulk_cancel(path => '$.data.key starts with \"bulk-\"')", as: UUID.self)
                try await probe.await(20 + 2, "completed")
                // Two by events, and the child of one; one by the request; one by its time.
                try await probe.await(5, "cancelled")
                try await eventually("the request is done, but for a run that it leaves to others") {
                    try await probe.count("bulk_cancels", where: "state = 3 AND cancelled = 1 AND requested = 1") == 1
                }

                try await user.script("ROLLBACK")
                for (key, kind) in [("held-sleeps", "event"), ("bulk-1-sleeps", "bulk")] {
                    let run = try await probe.run(of: key)
                    try await eventually("\(key) is cancelled now") {
                        try await client.run(run)?.cause?.kind.rawValue == kind
                    }
                }
                try await client.send(
                    [Answer(key: "held-waits"), Answer(key: "answered-waits")].map { try NewEvent($0) })
                try await probe.await(20 + 4, "completed")
                let requests = try await probe.count("bulk_cancels", where: "bulk_id = '\(bulk)'")
                #expect(requests == 1)
            }
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }
}

private struct Job: EventData {
    static let eventName = "hold/job"
    var key: String
}
private struct Limited: EventData {
    static let eventName = "hold/limited"
    var key: String
}
private struct Stop: EventData {
    static let eventName = "hold/stop"
    var key: String
}
private struct Answer: EventData {
    static let eventName = "hold/answer"
    var key: String
}

/// Runs that sleep, wait or invoke, as their keys say.
private struct HoldableFunctions {
    var all: [FunctionDefinition] {
        let child = Function("child", on: Said<TaskName>.self).run { _, step in
            try await step.sleep("long", for: .seconds(3_600))
        }
        let job = Function("job", on: Job.self).cancelOn(Stop.self, match: \.key).run { event, step in
            switch event.data.key.split(separator: "-").last {
            case "sleeps": try await step.sleep("long", for: .seconds(3_600))
            case "waits":
                _ = try await step.waitForEvent("w", Answer.self, match: "data.key", timeout: .seconds(3_600))
            case "invokes":
                _ = try await step.invoke("c", child, with: Said<TaskName>(key: event.data.key), as: JSON.self)
            case "looks":
                // For a place in events of which the user's transaction does not know.
                _ = try await step.waitForEvent(
                    "w", "hold/unheard-of", match: "data.key", timeout: .milliseconds(200), since: .runStart)
            default: break
            }
            try await step.run("end") {}
        }
        let limited = Function("limited", on: Limited.self).timeouts(finish: .milliseconds(100)).run { _, step in
            try await step.sleep("long", for: .seconds(3_600))
        }
        return [child, job, limited]
    }
}

extension Probe {
    /// The run whose event has a key.
    fileprivate func run(of key: String) async throws -> UUID {
        try await value(
            "SELECT r.run_id FROM nightjar.runs r JOIN nightjar.events e USING (event_id) WHERE e.data ->> 'key' = $1 AND e.name = $2",
            [key, Job.eventName])
    }
}
