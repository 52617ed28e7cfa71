import Foundation
import NightjarCore
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// Runs that are cancelled while a worker holds them: it is told, it tells what was executing, and begins nothing of them.
struct InterruptionTests {
    /// So long a poll that only notifications can be in time.
    @Sendable private static func unpolled(_ configuration: inout WorkerConfiguration) {
        configuration.pollInterval = .seconds(600)
    }

    @Test("A step is told at once that it is cancelled; its slot is free only once its code has ended")
    func told() async throws {
        let log = Log()
        let (started, told, release) = (Signal(), Signal(), Signal())
        let function = Function("work", on: TestJob.self).cancelOn("test/cancel", match: "data.key").run {
            event, step in
            try await step.run("body") {
                guard event.data.key == "stubborn" else { return log.add("next began") }
                started.set()
                await told.untilCancelled()
                await release.wantonly()
                log.add("stubborn ended")
            }
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with(
                [function], in: database,
                configure: {
                    Self.unpolled(&$0)
                    $0.concurrency = 1
                }
            ) { client in
                let run = try await probe.start("stubborn", client)
                try await started.wait()
                let next = try await probe.start("next", client)
                try await client.send([NewEvent(name: "test/cancel", data: ["key": "stubborn"])])
                try await told.wait()
                let facts = try await probe.facts(of: run, when: "it is known what was executing") {
                    $0.cancellation?["told_at"] ?? .null != .null
                }
                #expect(facts.status == "cancelled")
                #expect(facts.cancellation?["executing"] == ["body"])
                #expect(facts.cancellation?["execution_ended_at"] == .null)
                #expect(facts.cancellation?["executes"] == true)
                // Time enough for a claim, if there were a free slot: whatever else is asked of the worker it does.
                for _ in 0..<5 {
                    let bulk = try await probe.value(
                        "SELECT nightjar.bulk_cancel(function => 'work', path => '$.data.key == \"none\"')",
                        as: UUID.self)
                    try await probe.script("SELECT pg_notify('nightjar', 'ready pending')")
                    try await eventually("the worker is awake") {
                        try await probe.value(
                            "SELECT state = 3 FROM nightjar.bulk_cancels WHERE bulk_id = $1", [bulk], as: Bool.self)
                    }
                }
                #expect(try await probe.status(of: next) == "queued")

                release.set()
                let outcome = try await client.outcome(of: next)
                #expect(outcome == .completed(output: "null"))
                #expect(log.lines == ["stubborn ended", "next began"])
                let ended = try await probe.facts(of: run, when: "it is known that it has ended") {
                    $0.cancellation?["execution_ended_at"] ?? .null != .null
                }
                #expect(ended.cancellation?["executes"] == false)
                #expect(ended.cancellation?["told_at"] == facts.cancellation?["told_at"])
                #expect(ended.steps == [])
                #expect(try await probe.violations() == [])
            }
        }
    }

    @Test("Of several steps all are told and named, and the execution ends with the last of them")
    func several() async throws {
        let (told, release) = (Signal(), Signal())
        let log = Log()
        let function = Function("work", on: TestJob.self).cancelOn("test/cancel", match: "data.key").run {
            event, step in
            async let quick: Void = step.run("quick") {
                log.add("quick")
                await told.untilCancelled()
            }
            async let slow: Void = step.run("slow") {
                log.add("slow")
                await release.wantonly()
            }
            async let done: Void = step.run("done") { log.add("done") }
            _ = try await (quick, slow, done)
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database, configure: Self.unpolled) { client in
                let run = try await probe.start("p", client)
                _ = try await probe.facts(of: run, when: "one is done, two execute") {
                    $0.steps == ["done"] && log.lines.count == 3
                }
                try await client.send([NewEvent(name: "test/cancel", data: ["key": "p"])])
                try await told.wait()
                let facts = try await probe.facts(of: run, when: "it is known what was executing") {
                    $0.cancellation?["told_at"] ?? .null != .null
                }
                #expect(facts.cancellation?["executing"] == ["quick", "slow"])
                #expect(facts.cancellation?["execution_ended_at"] == .null)
                release.set()
                _ = try await probe.facts(of: run, when: "it is known that all have ended") {
                    $0.cancellation?["execution_ended_at"] ?? .null != .null
                }
            }
        }
    }

    @Test("A commit between a cancel and its application records nothing; what still executes is told afterwards")
    func unapplied() async throws {
        let (gate, started, told, release) = (Signal(), Signal(), Signal(), Signal())
        let function = Function("work", on: TestJob.self).cancelOn("test/cancel", match: "data.key").run {
            event, step in
            if event.data.key == "other" { return }
            async let first: Void = step.run("first") { try await gate.wait() }
            async let second: Void = step.run("second") {
                started.set()
                await told.untilCancelled()
                await release.wantonly()
            }
            _ = try await (first, second)
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with(
                [function], in: database, configure: { $0.pollInterval = .milliseconds(50) }
            ) { client in
                let run = try await probe.start("p", client)
                try await started.wait()
                try await probe.script(
                    "ALTER FUNCTION nightjar.apply_pending(int, int, bigint) RENAME TO apply_pending_later")
                try await client.send([NewEvent(name: "test/cancel", data: ["key": "p"])])
                gate.set()
                // Time enough for the commit, whose answer must wait.
                for _ in 0..<3 {
                    _ = try await client.outcome(of: try await probe.start("other", client))
                }
                #expect(try await probe.status(of: run) == "running")
                #expect(!told.isSet)
                try await probe.script(
                    "ALTER FUNCTION nightjar.apply_pending_later(int, int, bigint) RENAME TO apply_pending")
                try await told.wait()
                release.set()
                let facts = try await probe.facts(
                    of: run, when: "it is known what was executing, and that it has ended"
                ) {
                    $0.cancellation?["execution_ended_at"] ?? .null != .null
                }
                #expect(facts.cancellation?["executing"] == ["second"])
                #expect(facts.cancellation?["executes"] == false)
                #expect(facts.steps == [])
            }
        }
    }

    @Test("Claimed runs that wait in the worker for a slot never begin after their cancel, told or not")
    func waitingInTheWorker() async throws {
        let log = Log()
        try await Self.withTwoWaiting(poll: .seconds(600), log) { runs, probe, client in
            let answer = try await client.cancel(runs[0], actor: "ada")
            #expect(answer == .requested)
            let facts = try await probe.facts(of: runs[0], when: "it will not execute") {
                $0.cancellation?["execution_ended_at"] ?? .null != .null
            }
            #expect(facts.cancellation?["executing"] == [])
            #expect(facts.cancellation?["was"] == "running")
        }
        #expect(log.lines == ["second"])
    }

    @Test("Where no hint comes, the worker's look finds that what waits in it was cancelled")
    func waitingWithoutHint() async throws {
        let log = Log()
        try await Self.withTwoWaiting(poll: .seconds(6), log) { runs, probe, _ in
            // As another worker does it, whose notification is lost.
            try await probe.run { [run = runs[0]] db in
                _ = try db.query(
                    "SELECT FROM nightjar.cancel_runs(ARRAY[$1::uuid], ARRAY['{\"kind\": \"manual\"}'::jsonb], true)",
                    [run])
            }
            _ = try await probe.facts(of: runs[0], when: "it will not execute") {
                $0.cancellation?["execution_ended_at"] ?? .null != .null
            }
        }
        #expect(log.lines == ["second"])
    }

    @Test("What a worker hands back and may not, because it is cancelled, does not count as executing for ever")
    func handedBack() async throws {
        let log = Log()
        try await Self.withTwoWaiting(poll: .seconds(6), log) { runs, probe, client in
            try await probe.script(
                "ALTER FUNCTION nightjar.apply_pending(int, int, bigint) RENAME TO apply_pending_later")
            _ = try await client.cancel(runs[0], actor: "ada")
            // What did not begin within a second goes back; this one's way back is barred.
            try await eventually("the other one is handed back") { try await probe.status(of: runs[1]) == "queued" }
            try await probe.script(
                "ALTER FUNCTION nightjar.apply_pending_later(int, int, bigint) RENAME TO apply_pending")
            let facts = try await probe.facts(of: runs[0], when: "it does not execute") {
                $0.cancellation?["execution_ended_at"] ?? .null != .null
            }
            #expect(facts.cancellation?["executing"] == [])
        }
        #expect(log.lines == ["second"])
    }

    @Test("A run that is cancelled while its claim is on its way to the worker does not begin")
    func duringTheClaim() async throws {
        let log = Log()
        let function = Function("work", on: TestJob.self).run { event, step in
            if event.data.key == "sleeps" { try await step.sleep("nap", for: .seconds(3_600)) }
            if event.data.key == "executes" { await Signal().untilCancelled() }
            try await step.run("body") { log.add(event.data.key) }
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database, configure: Self.unpolled) { client in
                let other = try await probe.start("executes", client)
                let run = try await probe.start("sleeps", client)
                _ = try await probe.facts(of: run, when: "it sleeps") { $0.status == "sleeping" }
                // The claim is one statement, and reading what the run has recorded is the next.
                let locker = try await Probe(database)
                try await locker.script("BEGIN; LOCK TABLE nightjar.steps IN ACCESS EXCLUSIVE MODE")
                try await probe.script(
                    "UPDATE nightjar.live SET due_at = now() WHERE state = 2; SELECT pg_notify('nightjar', 'ready')")
                try await eventually("it is claimed") { try await probe.status(of: run) == "running" }
                _ = try await client.cancel(run, actor: "ada")
                try await eventually("it is cancelled") { try await probe.status(of: run) == "cancelled" }
                // A later cancel tells that the worker has heard of the earlier one.
                _ = try await client.cancel(other, actor: "ada")
                try await eventually("the other one has heard") {
                    try await probe.value(
                        "SELECT EXISTS (SELECT FROM nightjar.interruptions WHERE run_id = $1 AND told_at IS NOT NULL)",
                        [other], as: Bool.self)
                }
                try await locker.script("COMMIT")
                let facts = try await probe.facts(of: run, when: "it will not execute") {
                    $0.cancellation?["execution_ended_at"] ?? .null != .null
                }
                #expect(facts.cancellation?["executing"] == [])
                let outcome = try await client.outcome(of: try await probe.start("last", client))
                #expect(outcome == .completed(output: "null"))
            }
        }
        #expect(log.lines == ["last"])
    }

    @Test("A worker that dies before it has ended a cancelled step executes nothing, as far as anybody can know")
    func deadWorker() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "p")
            let run = try #require(try await probe.claim().runs.first?.lease.run)
            try await probe.send("test/cancel", key: "p")
            try await probe.applyPending()
            let facts = try await probe.facts(of: run)
            #expect(facts.cancellation?["told_at"] == .null)
            #expect(facts.cancellation?["executes"] == true)
            try await probe.markDead(probe.session)
            let later = try await probe.facts(of: run)
            #expect(later.cancellation?["executes"] == false)
            #expect(try await probe.violations() == [])
        }
    }

    // MARK: - Helpers

    /// A worker of one slot that one run holds, while two more wait in it; releases the slot after `body`, and waits until
    /// the second has ended.
    private static func withTwoWaiting(
        poll: Duration, _ log: Log, _ body: @Sendable (_ runs: [UUID], Probe, Client) async throws -> Void
    ) async throws {
        // A worker takes as much in advance as it finished within a second: on a busy machine that may be nothing.
        for _ in 1...10 where try await triesTwoWaiting(poll: poll, log, body) { return }
        Issue.record("never did two runs wait in the worker")
    }

    private static func triesTwoWaiting(
        poll: Duration, _ log: Log, _ body: @Sendable (_ runs: [UUID], Probe, Client) async throws -> Void
    ) async throws -> Bool {
        let (started, release) = (Signal(), Signal())
        let function = Function("work", on: TestJob.self).run { event, step in
            switch event.data.key {
            case "quick": break
            case "holds":
                started.set()
                await release.wantonly()
            default: try await step.run("body") { log.add(event.data.key) }
            }
        }
        return try await TestDatabase.with { database in
            let probe = try await Probe(database)
            return try await RunningWorker.with(
                [function], in: database,
                configure: {
                    $0.concurrency = 1
                    $0.pollInterval = poll
                }
            ) { client in
                // It claims no more in advance than it finished lately.
                let events = try await client.send(
                    try ["quick", "quick", "quick", "holds", "first", "second"].map { try NewEvent(TestJob(key: $0)) })
                try await started.wait()
                var runs: [UUID] = []
                for event in events.suffix(2) {
                    runs.append(try #require(try await client.runs(startedBy: event).first?.id))
                }
                var succeeded = false
                let deadline = ContinuousClock.now + .seconds(3)
                while !succeeded, ContinuousClock.now < deadline {
                    succeeded =
                        try await probe.value("SELECT count(*) FROM nightjar.live WHERE state = 1", as: Int64.self) == 3
                }
                if succeeded { try await body(runs, probe, client) }
                release.set()
                _ = try await client.outcome(of: runs[1])
                #expect(try await probe.violations() == [])
                if !succeeded { log.clear() }
                return succeeded
            }
        }
    }
}

extension Signal {
    /// Waits whether the task is cancelled or not: a body that does not react.
    func wantonly() async {
        await Task { try? await self.wait() }.value
    }
}

extension Probe {
    /// Sends the event of a ``TestJob``; answers the run that it started.
    func start(_ key: String, _ client: Client) async throws -> UUID {
        let event = try await client.send(TestJob(key: key))
        return try #require(try await client.runs(startedBy: event).first?.id)
    }
}
