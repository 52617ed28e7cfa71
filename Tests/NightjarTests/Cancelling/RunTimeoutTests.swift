import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// `timeouts(start:finish:)`, by the clock.
struct RunTimeoutTests {
    @Test("A run that no worker begins in time is cancelled; who holds the worker meanwhile goes on")
    func notBegun() async throws {
        let job = HeldJob(key: "held")
        let late = Function("late", on: .name("time/late")).timeouts(start: .milliseconds(200)).run { _, step in
            try await step.run("body") { job.log.add("late") }
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with(
                [job.function, late], in: database,
                configure: {
                    $0.concurrency = 1
                    $0.pollInterval = .milliseconds(100)
                }
            ) { client in
                let held = try await probe.start("held", client)
                try await job.started.wait()
                try await client.send([NewEvent(name: "time/late", data: ["key": "late"])])
                let run = try #require(try await probe.run(of: "late", key: "late"))
                let facts = try await probe.facts(of: run, when: "its time is up") { $0.status == "cancelled" }
                #expect(facts.cancellation?["kind"] == "timeout")
                #expect(facts.cancellation?["timeout"] == "start")
                #expect(facts.cancellation?["was"] == "queued")
                let exact = try await probe.value(
                    """
                    SELECT c.asked_at = r.created_at + interval '200 ms' AND c.applied_at >= c.asked_at AND r.started_at IS NULL
                    FROM nightjar.cancellations c JOIN nightjar.run_status r USING (run_id) WHERE run_id = $1
                    """, [run], as: Bool.self)
                #expect(exact)
                #expect(try await probe.status(of: held) == "running")
                job.release.set()
                let outcome = try await client.outcome(of: held)
                #expect(outcome == .completed(output: "null"))
            }
            #expect(job.log.lines == ["held"])
            #expect(try await probe.violations() == [])
        }
    }

    @Test("For a run whose event lies ahead the time for its start counts from there")
    func scheduled() async throws {
        let function = Function("work", on: .name("time/work")).timeouts(start: .milliseconds(200)).run { _, _ in }
        let alone = Function("other", on: .name("time/other")).run { _, _ in }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database) { _ in }
            // A worker that has not this function enforces its time all the same.
            try await RunningWorker.with(
                [alone], in: database, app: "other", configure: { $0.pollInterval = .milliseconds(100) }
            ) { _ in
                // By the database's clock, so that none of it is past when it arrives.
                try await probe.script(
                    """
                    INSERT INTO nightjar.events (name, data, ts) VALUES
                        ('time/work', '{"key": "soon"}', clock_timestamp() + interval '300 ms'),
                        ('time/work', '{"key": "later"}', clock_timestamp() + interval '1 h')
                    """)
                let run = try #require(try await probe.run(of: "work", key: "soon"))
                let facts = try await probe.facts(of: run, when: "its time is up") { $0.status == "cancelled" }
                #expect(facts.cancellation?["timeout"] == "start")
                #expect(facts.cancellation?["was"] == "scheduled")
                let exact = try await probe.value(
                    """
                    SELECT c.asked_at = e.ts + interval '200 ms' AND c.applied_at > c.asked_at
                    FROM nightjar.cancellations c JOIN nightjar.runs r ON r.run_id = c.run_id
                    JOIN nightjar.events e ON e.event_id = r.event_id WHERE c.run_id = $1
                    """, [run], as: Bool.self)
                #expect(exact)
                let later = try #require(try await probe.run(of: "work", key: "later"))
                #expect(try await probe.status(of: later) == "scheduled")
            }
            #expect(try await probe.violations() == [])
        }
    }

    @Test(
        "A run that has not ended in time is cancelled at that moment, with nothing else going on",
        arguments: ["sleeping", "waiting", "invoking", "retrying", "running"])
    func notEnded(state: String) async throws {
        struct Flaky: Error {}
        let log = Log()
        let (started, told) = (Signal(), Signal())
        let function = Function("work", on: TestJob.self).timeouts(finish: .seconds(2))
            .retries(RetryPolicy(maxRetries: 3, backoff: .constant(.seconds(3_600))))
            .run { _, step in
                switch state {
                case "sleeping": try await step.sleep("nap", for: .seconds(3_600))
                case "waiting":
                    _ = try await step.waitForEvent("go", "time/go", match: "data.key", timeout: .seconds(3_600))
                case "invoking": _ = try await step.invoke("call", "child", with: ["of": "it"], as: JSON.self)
                case "retrying": try await step.run("flaky") { throw Flaky() }
                default:
                    try? await step.run("body") {
                        started.set()
                        await told.untilCancelled()
                    }
                }
                try await step.run("after") { log.add("after") }
            }
        let child = Function("child", on: .name("time/child")).run { _, step in
            try await step.sleep("nap", for: .seconds(3_600))
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            // So long a poll that only the worker's own clock can be in time.
            try await RunningWorker.with(
                [function, child], in: database, configure: { $0.pollInterval = .seconds(600) }
            ) { client in
                let run = try await probe.start("p", client)
                let facts = try await probe.facts(of: run, when: "its time is up") { $0.status == "cancelled" }
                #expect(facts.cancellation?["kind"] == "timeout")
                #expect(facts.cancellation?["timeout"] == "finish")
                #expect(facts.cancellation?["was"] == .string(state))
                if state == "running" { try await told.wait() }
                if state == "invoking" {
                    try await eventually("what it invoked is cancelled with it") {
                        try await probe.value("SELECT count(*) FROM nightjar.live", as: Int64.self) == 0
                    }
                }
                let exact = try await probe.value(
                    """
                    SELECT c.asked_at = r.started_at + interval '2 s'
                       AND c.applied_at >= c.asked_at AND c.applied_at < c.asked_at + interval '20 s'
                    FROM nightjar.cancellations c JOIN nightjar.run_status r USING (run_id) WHERE run_id = $1
                    """, [run], as: Bool.self)
                #expect(exact)
            }
            #expect(log.lines == [])
            #expect(try await probe.violations() == [])
        }
    }

    @Test("A run whose time is up is not begun any more, though nobody has cancelled it yet")
    func notClaimed() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            for key in ["late", "early"] { try await probe.send("test/post", key: key) }
            try await probe.script(
                """
                UPDATE nightjar.live l SET expires_at = clock_timestamp() + CASE e.data ->> 'key' WHEN 'late' THEN '0' ELSE '1 h' END::interval
                FROM nightjar.events e WHERE e.event_id = l.event_id
                """)
            let keys = try await probe.claim().runs.map(\.event.dataJSON)
            #expect(keys == [#"{"key": "early"}"#])
            let expired = try await probe.run { db in try db.query(Statement.expire.sql, [Int32(100)]).count }
            #expect(expired == 1)
            #expect(try await probe.violations() == [])
        }
    }

    @Test("A run that keeps its limits is not touched, and one without any has none")
    func kept() async throws {
        let limited = Function("limited", on: TestJob.self).timeouts(start: .seconds(600), finish: .seconds(600))
            .run { event, step in
                try await step.sleep("nap", for: event.data.key == "p" ? .milliseconds(20) : .seconds(3_600))
                return try await step.run("body") { 7 }
            }
        let free = Function("free", on: TestJob.self).run { _, step in
            try await step.sleep("nap", for: .seconds(3_600))
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([limited, free], in: database) { client in
                try await client.send(TestJob(key: "p"))
                let run = try #require(try await probe.run(of: "limited", key: "p"))
                let outcome = try await client.outcome(of: run)
                #expect(outcome == .completed(output: "7"))
                let other = try #require(try await probe.run(of: "free", key: "p"))
                let facts = try await probe.facts(of: other, when: "it sleeps") { $0.status == "sleeping" }
                #expect(facts["live"]["expires_at"] == .null)
                try await client.send(TestJob(key: "q"))
                let alive = try #require(try await probe.run(of: "limited", key: "q"))
                _ = try await probe.facts(of: alive, when: "it sleeps") { $0.status == "sleeping" }
                let expired = try await probe.run { db in try db.query(Statement.expire.sql, [Int32(100)]).count }
                #expect(expired == 0)
            }
        }
    }

    @Test("Limits count anew for a run that is run again; changed ones count for what starts later, and stay with it")
    func anewAndChanged() async throws {
        @Sendable func function(start: Duration?, finish: Duration?) -> FunctionDefinition {
            Function("work", on: TestJob.self).timeouts(start: start, finish: finish).run { _, step in
                try await step.sleep("short", for: .milliseconds(20))
                try await step.sleep("long", for: .seconds(3_600))
            }
        }
        /// What is left of the time, counted from the run's creation and from its start, in seconds.
        @Sendable func limits(_ run: UUID, _ probe: Probe) async throws -> (start: Double?, finish: Double?) {
            try await probe.run { db in
                let row = try db.query(
                    """
                    SELECT extract(epoch FROM r.expires_at - r.created_at)::float8,
                           extract(epoch FROM r.expires_at - r.started_at)::float8
                    FROM nightjar.run_status r WHERE r.run_id = $1
                    """, [run])[0]
                return (try row.decode(0), try row.decode(1))
            }
        }
        @Sendable func asleep(_ run: UUID, _ probe: Probe) async throws {
            // It has been claimed twice by then.
            _ = try await probe.facts(of: run, when: "it sleeps long") { $0.steps == ["short", "long"] }
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let first = try await RunningWorker.with(
                [function(start: .seconds(500), finish: .seconds(1_000))], in: database
            ) { client in
                let run = try await probe.start("first", client)
                try await asleep(run, probe)
                #expect(try await limits(run, probe).finish == 1_000)
                return run
            }
            let client = Client(database: database.configuration, logger: .silent)
            let queued = try await probe.start("queued", client)
            #expect(try await limits(queued, probe).start == 500)
            let answer = try await client.cancel(first, actor: "ada")
            #expect(answer == .cancelled)
            let again = try await probe.value("SELECT nightjar.rerun($1)", [first], as: UUID.self)
            let left = try #require(try await limits(again, probe).start)
            #expect(abs(left - 500) < 1)

            try await RunningWorker.with([function(start: .seconds(700), finish: .seconds(2_000))], in: database) {
                client in
                // What had not begun gets the limit of the worker that begins it.
                for run in [queued, again] {
                    try await asleep(run, probe)
                    #expect(try await limits(run, probe).finish == 2_000)
                }
            }
            let later = try await probe.start("later", client)
            #expect(try await limits(later, probe).start == 700)
            try await RunningWorker.with([function(start: nil, finish: nil)], in: database) { _ in
                try await asleep(later, probe)
                #expect(try await limits(later, probe).finish == nil)
            }
            let last = try await probe.start("last", client)
            #expect(try await limits(last, probe).start == nil)
            #expect(try await limits(again, probe).finish == 2_000)
            #expect(try await probe.violations() == [])
            await client.close()
        }
    }
}
