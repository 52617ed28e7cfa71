import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// A cancel that waits returns when nothing of the run executes any more, or says what does.
@Suite("A cancel that waits", .timeLimit(.minutes(3)))
struct CancelWaitTests {
    @Test("waits for a step that takes its time to end, and tells which it is until then")
    func stubbornStep() async throws {
        let (started, release) = (Signal(), Signal())
        let function = Function("post", on: TestJob.self).run { _, step in
            try await step.run("work") {
                started.set()
                // In a task of its own, which knows nothing of the step's cancellation.
                try await Task { try await release.wait(within: .seconds(300)) }.value
            }
        }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let run = try #require(try await client.runs(startedBy: client.send(TestJob(key: "k"))).first?.id)
                try await started.wait()

                let stop = try await client.cancel(run, actor: "me", reason: "why", waiting: .zero)
                if case .stopped = stop { Issue.record("its code executes") }
                try await eventually("the worker tells which step executes") {
                    guard case .executing(_, let code) = try await client.waitUntilStopped(run, timeout: .zero) else {
                        return false
                    }
                    return code.steps == ["work"] && code.worker.hasPrefix("test ") && code.toldAt != nil
                }
                #expect(try await client.run(run)?.cause?.executing == ["work"])

                let end = Task { try await client.waitUntilStopped(run) }
                release.set()
                guard case .stopped(let record) = try await end.value else {
                    Issue.record("it has not stopped")
                    return
                }
                #expect(record.cause?.actor == "me")
                #expect(record.cause?.reason == "why")
                #expect(record.cause?.was == "running")
            }
        }
    }

    @Test("applies the cancel itself where no worker does, and tells of the worker that has not heard of it")
    func withoutWorkers() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "k")
            let lease = try #require(try await probe.claim().runs.first?.lease)
            let client = Client(database: database.configuration, logger: .silent)

            guard
                case .executing(let record, let code) = try await client.cancel(
                    lease.run, actor: "me", waiting: .zero)
            else {
                Issue.record("the probe lives, and has not told that it has stopped")
                return
            }
            #expect(record.status == .cancelled)
            #expect(code.worker == "probe")
            #expect(code.steps == [])
            #expect(code.toldAt == nil)

            // A worker that died executes nothing.
            try await probe.markDead(probe.session)
            guard case .stopped = try await client.waitUntilStopped(lease.run) else {
                Issue.record("the worker is dead")
                return
            }
            await client.close()
            #expect(try await probe.violations() == [])
        }
    }

    @Test("tells that a run has not ended, while somebody holds its row; the cancel counts all the same")
    func lockedRun() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let (holder, probe) = (try await Probe(database), try await Probe(database))
            try await probe.send("test/post", key: "k")
            let run = try #require(try await probe.runs(key: "k").first?.id)
            let client = Client(database: database.configuration, logger: .silent)
            try await holder.script("BEGIN; SELECT FROM nightjar.live FOR UPDATE")

            guard case .unfinished = try await client.cancel(run, actor: "me", waiting: .zero) else {
                Issue.record("the row is locked")
                return
            }
            let end = Task { try await client.waitUntilStopped(run) }
            try await holder.script("ROLLBACK")
            guard case .stopped(let record) = try await end.value else {
                Issue.record("it has not stopped")
                return
            }
            #expect(record.cause?.actor == "me")
            await client.close()
        }
    }

    @Test("leaves the cancel to the workers where its role may only ask for it")
    func restrictedRole() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "k")
            let lease = try #require(try await probe.claim().runs.first?.lease)
            let role = "support_\(database.name.suffix(8))"
            try await probe.script(
                """
                CREATE ROLE \(role); GRANT USAGE ON SCHEMA nightjar TO \(role);
                GRANT SELECT ON ALL TABLES IN SCHEMA nightjar TO \(role);
                GRANT EXECUTE ON FUNCTION nightjar.cancel(uuid, text, text) TO \(role);
                """)
            var configuration = database.configuration
            configuration.settings["role"] = role
            let client = Client(database: configuration, logger: .silent)
            guard case .unfinished = try await client.cancel(lease.run, actor: "me", waiting: .zero) else {
                Issue.record("nobody has applied it")
                return
            }
            try await probe.applyPending()
            try await probe.markDead(probe.session)
            guard case .stopped = try await client.waitUntilStopped(lease.run) else {
                Issue.record("it has not stopped")
                return
            }
            await client.close()
            try await probe.script("DROP OWNED BY \(role); DROP ROLE \(role)")
        }
    }

    @Test("of a run that does not exist is an error")
    func unknown() async throws {
        try await TestDatabase.with { database in
            let client = Client(database: database.configuration, logger: .silent)
            let error = await #expect(throws: NightjarError.self) {
                try await client.cancel(UUID(), actor: "me", waiting: .seconds(1))
            }
            #expect(error?.code == .unknownRun)
            await client.close()
        }
    }
}

@Suite("The outcome of a cancelled run", .timeLimit(.minutes(3)))
struct CancelledOutcomeTests {
    @Test("names the event, the policy as it was written, what the run was doing, and when")
    func event() async throws {
        let started = Signal()
        let function = Function("post", on: TestJob.self)
            .cancelOn("test/cancel", if: "async.data.key == event.data.key && async.data.force == true")
            .run { _, step in
                try await step.run("work") {
                    started.set()
                    await Signal().untilCancelled()
                }
            }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let run = try #require(try await client.runs(startedBy: client.send(TestJob(key: "k"))).first?.id)
                try await started.wait()
                let event = try await client.send([
                    NewEvent(name: "test/cancel", data: ["key": "k", "force": true])
                ])[0]
                guard case .cancelled(let cause) = try await client.outcome(of: run) else {
                    Issue.record("it was cancelled")
                    return
                }
                #expect(cause.kind == .event)
                #expect(cause.eventID?.uuidString.lowercased() == event)
                #expect(cause.eventName == "test/cancel")
                #expect(cause.policy == "if async.data.key == event.data.key && async.data.force == true")
                #expect(cause.was == "running")
                #expect(cause.session != nil)
                let (asked, applied) = (try #require(cause.askedAt), try #require(cause.appliedAt))
                #expect(asked <= applied)
                try await eventually("the worker tells what was executing") {
                    try await client.run(run)?.cause?.executing == ["work"]
                }
            }
        }
    }

    @Test("names the limit that the run exceeded, and a run tells when its limit is")
    func timeout() async throws {
        let function = Function("post", on: TestJob.self)
            .timeouts(finish: .milliseconds(300))
            .run { _, step in
                try await step.sleep("long", for: .seconds(3_600))
            }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { client in
                let run = try #require(try await client.runs(startedBy: client.send(TestJob(key: "k"))).first?.id)
                guard case .cancelled(let cause) = try await client.outcome(of: run) else {
                    Issue.record("it was cancelled")
                    return
                }
                #expect(cause.kind == .timeout)
                #expect(cause.timeout == .finish)
                #expect(try await client.run(run)?.expiresAt == nil)
            }
            let probe = try await Probe(database)
            try await probe.script(
                "UPDATE nightjar.functions SET start_within = '1 hour'; INSERT INTO nightjar.events (name) VALUES ('test/post')"
            )
            let run = try await probe.run { db in
                try RunRecord.read(db, where: "r.status = $1", ["queued"], limit: 1)[0]
            }
            let expiry = try #require(run.expiresAt)
            #expect(abs(expiry.timeIntervalSince(run.createdAt) - 3_600) < 1)
        }
    }
}
