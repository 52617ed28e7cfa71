import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import Synchronization
import TestSupport
import Testing

@testable import Nightjar

/// What runs when a run has been cancelled: once, with all that it may need.
struct CancelHandlerTests {
    @Test("The handler runs once though the worker that had taken it dies")
    func deadWorker() async throws {
        let log = Log()
        let function = Function("work", on: TestJob.self)
            .onCancel { cancellation, step in
                try await step.run("undo") { log.add("undo \(cancellation.event.data.key)") }
            }
            .run { event, step in
                try await step.run("body") { log.add("body \(event.data.key)") }
            }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { _ in }
            let client = Client(database: database.configuration, logger: .silent)
            let dying = try await Probe(database)
            let run = try await dying.start("p", client)
            let answer = try await client.cancel(run, actor: "ada")
            #expect(answer == .cancelled)
            let claim = try await dying.claim()
            #expect(claim.runs.map(\.event.name) == ["inngest/function.cancelled"])
            try await dying.markDead(dying.session)
            try await RunningWorker.with(
                [function], in: database, configure: { $0.pollInterval = .milliseconds(50) }
            ) { client in
                let handler = try #require(claim.runs.first?.lease.run)
                let outcome = try await client.outcome(of: handler)
                #expect(outcome == .completed(output: "null"))
            }
            #expect(log.lines == ["undo p"])
            let handlers = try await dying.value(
                "SELECT count(*) FROM nightjar.run_status WHERE function = 'work-cancel'", as: Int64.self)
            #expect(handlers == 1)
            #expect(try await dying.violations() == [])
            await client.close()
        }
    }

    @Test("SIGKILL after the cancels and before anybody has applied them: another process runs each handler once")
    func killedWorker() async throws {
        let runs = 10
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.script(
                "CREATE TABLE executed (run_id uuid, step text, process text); CREATE TABLE released (now bool)")
            let first = try RunningProgram("TestWorker", [database.url, "first", "2000", "0"], input: nil)
            try await eventually("the first worker is registered") {
                try await probe.value("SELECT count(*) FROM nightjar.functions", as: Int64.self) > 0
            }
            let client = Client(database: database.configuration, logger: .silent)
            let numbers = (0..<runs).map { JSON.integer(Int64($0)) }
            try await client.send(try numbers.map { try NewEvent(name: "test/work", data: ["number": $0]) })
            try await eventually("all are held") {
                try await probe.value("SELECT count(*) FROM executed WHERE step = 'held'", as: Int64.self)
                    == Int64(runs)
            }
            first.signal(SIGSTOP)
            try await client.send(try numbers.map { try NewEvent(name: "test/stop", data: ["number": $0]) })
            first.signal(SIGKILL)
            try await first.end()

            let second = try RunningProgram("TestWorker", [database.url, "second", "2000", "0"], input: nil)
            try await eventually("every handler has ended") {
                try await probe.value("SELECT count(*) FROM nightjar.outcomes WHERE status = 1", as: Int64.self)
                    == Int64(runs)
            }
            try await eventually("the killed worker is known to be gone") {
                try await probe.value("SELECT count(*) FROM nightjar.cancellations WHERE executes", as: Int64.self) == 0
            }
            let counts: [Int64] = try await probe.run { db in
                let row = try db.query(
                    """
                    SELECT (SELECT count(*) FROM nightjar.outcomes WHERE status = 3),
                           (SELECT count(*) FROM nightjar.run_status WHERE function = 'work-cancel'),
                           (SELECT count(*) FROM executed WHERE step = 'undone'),
                           (SELECT count(DISTINCT run_id) FROM executed WHERE step = 'undone'),
                           (SELECT count(*) FROM executed WHERE process = 'second' AND step <> 'undone'),
                           (SELECT count(*) FROM nightjar.live)
                    """)[0]
                return try (0..<6).map { try row.decode($0) }
            }
            let all = Int64(runs)
            #expect(counts == [all, all, all, all, 0, 0])
            #expect(try await probe.violations() == [])
            try await eventually("the first worker counts as dead") {
                try await probe.value("SELECT count(*) FROM nightjar.cancellations WHERE executes", as: Int64.self) == 0
            }
            second.signal(SIGTERM)
            #expect(try await second.end().status == 0)
            await client.close()
        }
    }

    @Test("The handler gets the event, the cause and every recorded step with what it returned")
    func steps() async throws {
        struct Broken: Error {}
        let told = Mutex<[FunctionCancellation<TestJob>]>([])
        let function = Function("work", on: TestJob.self).retries(0)
            .onCancel { cancellation, step in
                try await step.run("undo") { told.withLock { $0.append(cancellation) } }
            }
            .run { event, step in
                _ = try await step.run("charge") { ["amount": 12, "lines": 3] }
                _ = try await step.run("charge") { "again" }
                _ = try? await step.run("broken") { throw NonRetryableError("no such order") }
                try await step.run("nothing") {}
                try await step.sleep("nap", for: .milliseconds(10))
                _ = try await step.sendEvent("tell", NewEvent(name: "handler/told", data: [:]))
                _ = try await step.waitForEvent("answer", "handler/answer", timeout: .milliseconds(10))
                _ = try await step.invoke("call", "child", with: ["n": 20], as: Int.self)
                try await step.sleep("long", for: .seconds(3_600))
            }
        let child = Function("child", on: .name("handler/child")).run { event, _ in
            (event.data["n"]?.integer ?? 0) + 1
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function, child], in: database) { client in
                let run = try await probe.start("p", client)
                let facts = try await probe.facts(of: run, when: "it sleeps") { $0.steps.last == "long" }
                let answer = try await client.cancel(run, actor: "ada", reason: "why not")
                #expect(answer == .cancelled)
                try await eventually("its handler has been told") { told.withLock { $0.count } == 1 }
                let cancellation = try #require(told.withLock { $0.first })
                #expect(cancellation.runID == run)
                #expect(cancellation.functionID == "test-work")
                #expect(cancellation.event.data.key == "p")
                #expect(cancellation.event.name == "test/post")
                #expect(cancellation.cause.description == "by hand: ada (why not)")
                let steps = cancellation.steps
                #expect(steps.map(\.id) == facts.steps)
                #expect(
                    steps.map(\.id) == [
                        "charge", "charge:1", "broken", "nothing", "nap", "tell", "answer", "call", "long",
                    ])
                #expect(
                    steps.map(\.kind) == [
                        .run, .run, .run, .run, .sleep, .sendEvent, .waitForEvent, .invoke, .sleep,
                    ])
                try #require(steps.count == 9)
                #expect(steps[0].output == ["amount": 12, "lines": 3])
                #expect(steps[1].output == "again")
                #expect(steps[2].output == nil)
                #expect(steps[2].error?.message == "no such order")
                #expect(steps[3].output == .null)
                #expect(steps[6].output == .null)
                #expect(steps[7].output == 21)
                #expect(steps.allSatisfy { !$0.isOutputOmitted && $0.startedAt <= $0.endedAt })
                #expect(steps.filter { $0.error != nil }.count == 1)
            }
            #expect(try await probe.violations() == [])
        }
    }

    @Test("However much a run has recorded, it can be cancelled: what is too large for its handler is left out")
    func enormousSteps() async throws {
        let function = Function("work", on: TestJob.self).onCancel { _, _ in }.run { _, _ in }
        try await TestDatabase.with { database in
            try await RunningWorker.with([function], in: database) { _ in }
            let client = Client(database: database.configuration, logger: .silent)
            let probe = try await Probe(database)
            let run = try await probe.start("p", client)
            let count = 51_000
            try await probe.run { db in
                // As text more than 64 MiB, which is all that an event may have.
                _ = try db.execute(
                    """
                    INSERT INTO nightjar.steps (run_id, step, tenant_id, kind, failed, attempt, error, started_at, ended_at)
                    SELECT $1, 'step ' || n, 1, 1, true, 1, jsonb_build_object('name', 'Error', 'message', repeat('x', 1500)),
                           now() + n * interval '1 ms', now() + n * interval '1 ms'
                    FROM generate_series(1, $2) n
                    """, [run, Int32(count)])
            }
            let answer = try await client.cancel(run, actor: "ada")
            #expect(answer == .cancelled)
            let row = try await probe.run { db in
                let row = try db.query(
                    """
                    SELECT octet_length(e.data::text), jsonb_array_length(e.data -> 'steps'),
                           (SELECT count(*) FROM jsonb_array_elements(e.data -> 'steps') s WHERE s.value ? 'error'),
                           (SELECT count(*) FROM jsonb_array_elements(e.data -> 'steps') s WHERE s.value ? 'omitted'),
                           e.data #>> '{steps,0,id}'
                    FROM nightjar.events e WHERE e.name = 'inngest/function.cancelled'
                    """)[0]
                return (
                    bytes: try row.decode(0, as: Int32.self), steps: try row.decode(1, as: Int32.self),
                    errors: try row.decode(2, as: Int64.self), omitted: try row.decode(3, as: Int64.self),
                    first: try row.decode(4, as: String.self)
                )
            }
            #expect(row.bytes < 32 << 20)
            #expect(row.steps == 50_000)
            #expect(row.first == "step 1")
            #expect(row.errors > 10_000 && row.errors < 12_000)
            #expect(row.errors + row.omitted == 50_000)
            await client.close()
        }
    }

    @Test("Of steps with large outputs the handler gets the first 16 MiB, and of the rest which they were")
    func largeSteps() async throws {
        let told = Mutex<[FunctionCancellation<TestJob>]>([])
        let size = 3 << 20
        let function = Function("work", on: TestJob.self)
            .onCancel { cancellation, step in
                try await step.run("undo") { told.withLock { $0.append(cancellation) } }
            }
            .run { event, step in
                for number in 0..<7 {
                    _ = try await step.run("part") { String(repeating: "\(number)", count: size) }
                }
                try await step.sleep("long", for: .seconds(3_600))
            }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([function], in: database) { client in
                let run = try await probe.start("p", client)
                _ = try await probe.facts(of: run, when: "it sleeps") { $0.steps.last == "long" }
                _ = try await client.cancel(run, actor: "ada")
                try await eventually("its handler has been told") { told.withLock { $0.count } == 1 }
                let steps = try #require(told.withLock { $0.first?.steps })
                try #require(steps.count == 8)
                #expect(steps.map(\.isOutputOmitted) == [false, false, false, false, false, true, true, false])
                for (number, step) in steps.prefix(5).enumerated() {
                    let output = step.output?.string ?? ""
                    #expect(output.utf8.count == size)
                    #expect(output.hasPrefix("\(number)"))
                }
                #expect(steps[5].output == nil)
            }
            #expect(try await probe.violations() == [])
        }
    }
}
