import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// Functions that invoke others, executed by workers.
struct InvokeTests {
    struct Item: Codable, Sendable {
        var number: Int
    }
    struct Broken: Error, CustomStringConvertible {
        var description: String { "it broke" }
    }

    private static let long = Duration.seconds(3_600)

    /// A function that nothing but an invocation starts.
    private static func child<Output: Codable & Sendable>(
        _ id: String = "child", _ body: @escaping @Sendable (Int, Step) async throws -> Output
    ) -> FunctionDefinition {
        Function(id, on: .name("test/never")).retries(0).run { event, step in
            try await body(try #require(event.data["number"]?.integer.map(Int.init)), step)
        }
    }

    private static func parent<Output: Codable & Sendable>(
        _ id: String = "parent", _ body: @escaping @Sendable (Step) async throws -> Output
    ) -> FunctionDefinition {
        Function(id, on: TestJob.self).retries(0).run { _, step in try await body(step) }
    }

    /// Executes one run of the function `parent` to its end.
    private func end(
        _ functions: [FunctionDefinition], in database: TestDatabase, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Probe.End {
        let probe = try await Probe(database)
        let end = try await RunningWorker.with(functions, in: database) { client in
            try await probe.end(of: probe.run(startedBy: client.send(TestJob(key: "k"))))
        }
        let violations = try await probe.violations()
        #expect(violations == [], sourceLocation: sourceLocation)
        return end
    }

    @Test("The result comes back, also when it is null; the invoked run is a run of its own")
    func result() async throws {
        let double = Self.child { number, step in try await step.run("double") { 2 * number } }
        let nothing = Self.child("nothing") { _, _ -> Int? in nil }
        let parent = Self.parent { step -> [Int?] in
            let a = try await step.invoke("a", double, with: Item(number: 21), as: Int.self)
            let b = try await step.invoke("b", nothing, with: Item(number: 1), as: Int?.self)
            let c = try await step.invoke("c", "child", with: Item(number: 1), as: Int?.self)
            return [a, b, c]
        }
        try await TestDatabase.with { database in
            let end = try await end([parent, double, nothing], in: database)
            #expect(end == Probe.End(status: "completed", output: "[42, null, 2]"))
            let probe = try await Probe(database)
            let children = try await probe.run { db in
                try db.query(
                    """
                    SELECT c.parent_step, c.function, p.function FROM nightjar.run_status c
                    JOIN nightjar.run_status p ON p.run_id = c.parent_run_id ORDER BY c.run_id
                    """
                ).map {
                    "\(try $0.decode(0, as: String.self)) \(try $0.decode(1, as: String.self)) of \(try $0.decode(2, as: String.self))"
                }
            }
            #expect(children == ["a child of parent", "b nothing of parent", "c child of parent"])
        }
    }

    @Test("What goes wrong is a StepError: the function fails, is unknown, or takes too long")
    func failures() async throws {
        let breaks = Self.child { _, _ -> Int in throw Broken() }
        let sleeps = Self.child("sleeps") { _, step -> Int in
            try await step.sleep("long", for: Self.long)
            return 1
        }
        let parent = Self.parent { step -> [String] in
            var errors: [String] = []
            func note(_ body: () async throws -> Int) async {
                do { errors.append("\(try await body())") } catch let error as StepError {
                    errors.append(
                        "\(error.stepID) \(error.name) \(error.code ?? "-") \(error.message.contains("it broke"))")
                } catch { errors.append("\(error)") }
            }
            await note { try await step.invoke("fails", breaks, with: Item(number: 1), as: Int.self) }
            await note { try await step.invoke("unknown", "nobody", with: Item(number: 1), as: Int.self) }
            await note { try await step.invoke("app", "child", app: "nowhere", with: Item(number: 1), as: Int.self) }
            await note {
                try await step.invoke("slow", sleeps, with: Item(number: 1), as: Int.self, timeout: .milliseconds(200))
            }
            // What was thrown is thrown again in a replay.
            try await step.sleep("replay", for: .milliseconds(20))
            return errors
        }
        try await TestDatabase.with { database in
            let end = try await end([parent, breaks, sleeps], in: database)
            #expect(end.error == nil)
            let errors = try JSONCoding.value([String].self, from: end.output ?? "[]")
            #expect(
                errors == [
                    "fails Broken - true", "unknown UnknownFunction unknown_function false",
                    "app UnknownFunction unknown_function false", "slow InvokeTimeout invoke_timeout false",
                ])
            // It goes on all the same.
            let probe = try await Probe(database)
            let sleeping = try await probe.count("run_status", where: "function = 'sleeps' AND status = 'sleeping'")
            #expect(sleeping == 1)
        }
    }

    @Test("An error that nobody catches fails the run that invoked")
    func uncaught() async throws {
        let breaks = Self.child { _, _ -> Int in throw Broken() }
        let parent = Self.parent { step in try await step.invoke("c", breaks, with: Item(number: 1), as: Int.self) }
        try await TestDatabase.with { database in
            let end = try await end([parent, breaks], in: database)
            #expect(end.status == "failed")
            #expect(end.error?.code == RunError.Code.stepFailed)
            #expect(end.error?.message.contains("it broke") == true)
        }
    }

    @Test("An invoked run that is cancelled is an error with the code invoked_cancelled, never a success")
    func cancelledChild() async throws {
        let sleeps = Self.child { _, step -> Int? in
            try await step.sleep("long", for: Self.long)
            return nil
        }
        let parent = Self.parent { step -> String in
            do {
                let result = try await step.invoke("c", sleeps, with: Item(number: 1), as: Int?.self)
                return "returned \(String(describing: result))"
            } catch let error as StepError { return error.code ?? "-" }
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([parent, sleeps], in: database) { client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                try await probe.await(1, "sleeping")
                try await probe.await(1, "invoking")
                let child = try await probe.value("SELECT run_id FROM nightjar.live WHERE state = 2", as: UUID.self)
                _ = try await client.cancel(child, actor: "ada")
                let end = try await probe.end(of: run)
                #expect(end == Probe.End(status: "completed", output: "\"invoked_cancelled\""))
            }
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("Cancelling a run cancels those that it waits for, and theirs; not those that are to go on without it")
    func cascade() async throws {
        let leaf = Self.child("leaf") { _, step -> Int in
            try await step.sleep("long", for: Self.long)
            return 1
        }
        let middle = Self.child("middle") { _, step -> Int in
            try await step.invoke("leaf", leaf, with: Item(number: 1), as: Int.self)
        }
        let parent = Self.parent { step -> Int in
            async let a = step.invoke("a", middle, with: Item(number: 1), as: Int.self)
            async let b = step.invoke("b", leaf, with: Item(number: 1), as: Int.self)
            async let c = step.invoke("c", middle, with: Item(number: 1), as: Int.self, cancelsWithParent: false)
            return try await a + b + c
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([parent, middle, leaf], in: database) { client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                try await probe.await(3, "sleeping")
                try await probe.await(3, "invoking")
                _ = try await client.cancel(run, actor: "ada")
                try await probe.await(4, "cancelled")
            }
            try await probe.settle()
            let runs = try await probe.run { db in
                try db.query(
                    """
                    SELECT concat_ws(' ', function, status, cause ->> 'kind', (cause ->> 'parent')::uuid = parent_run_id)
                    FROM nightjar.run_status ORDER BY 1
                    """
                ).map { try $0.decode(0, as: String.self) }
            }
            #expect(
                runs == [
                    "leaf cancelled parent t", "leaf cancelled parent t", "leaf sleeping", "middle cancelled parent t",
                    "middle invoking", "parent cancelled manual",
                ])
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("Cancelling a run stops the code of one that it waits for")
    func stopsChild() async throws {
        let started = Signal()
        let stopped = Signal()
        let child = Self.child { _, step -> Int in
            try await step.run("endless") {
                started.set()
                await stopped.untilCancelled()
            }
            return 1
        }
        let parent = Self.parent { step in try await step.invoke("c", child, with: Item(number: 1), as: Int.self) }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([parent, child], in: database) { client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                try await started.wait()
                try await probe.await(1, "invoking")
                _ = try await client.cancel(run, actor: "ada")
                try await stopped.wait()
                try await probe.await(2, "cancelled")
            }
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("A function of another app, with a worker of its own")
    func otherApp() async throws {
        let double = Self.child { number, _ in 2 * number }
        let parent = Self.parent { step in
            try await step.invoke("c", "child", app: "other", with: Item(number: 4), as: Int.self)
        }
        try await TestDatabase.with { database in
            let end: Probe.End = try await RunningWorker.with([double], in: database, app: "other") { _ in
                try await self.end([parent], in: database)
            }
            #expect(end == Probe.End(status: "completed", output: "8"))
        }
    }

    @Test("Many invocations at once: each gets its own result")
    func many() async throws {
        let double = Self.child { number, step in try await step.run("double") { 2 * number } }
        let parent = Self.parent { step -> Bool in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        try await step.invoke("\(number)", double, with: Item(number: number), as: Int.self) == 2
                            * number
                    }
                }
                return try await group.reduce(true) { $0 && $1 }
            }
        }
        try await TestDatabase.with { database in
            let end = try await end([parent, double], in: database)
            #expect(end == Probe.End(status: "completed", output: "true"))
            let probe = try await Probe(database)
            let children = try await probe.count("runs", where: "parent_run_id IS NOT NULL")
            #expect(children == 100)
        }
    }

    @Test(
        "The worker dies while a run waits for another: it is not invoked again, and its result is not lost",
        arguments: [true, false])
    func death(endsFirst: Bool) async throws {
        let log = Log()
        let release = Signal()
        let child = Self.child { number, step in
            try await step.run("work") {
                log.add("\(number)")
                try await release.wait()
                return number
            }
        }
        let parent = Self.parent { step in try await step.invoke("c", child, with: Item(number: 7), as: Int.self) }
        try await TestDatabase.with { database in
            let dead = try await Probe(database)
            let probe = try await Probe(database)
            let both = try await dead.register([parent, child])
            try await dead.send(TestJob.eventName, key: "k")
            let lease = try #require(try await dead.claim(both).runs.first?.lease)
            let invocation = OpenStep(
                step: "c", kind: .invoke,
                invocation: Invocation(function: "child", dataJSON: #"{"number": 7}"#, cancelsWithParent: true),
                dueAt: Date(timeIntervalSinceNow: 3_600), startedAt: Date())
            let accepted = try await dead.record([
                LeasedCommit(lease: lease, tenant: 1, openings: [invocation], next: .run(.keep))
            ])
            #expect(accepted == [lease.run: .recorded])
            try await RunningWorker.with([parent, child], in: database, app: Probe.queueName) { client in
                try await eventually("the invoked run executes") { log.lines == ["7"] }
                if endsFirst {
                    release.set()
                    try await eventually("its result is there") { try await probe.arrival(lease.run, "c") != nil }
                    try await dead.markDead(dead.session)
                } else {
                    try await dead.markDead(dead.session)
                    try await probe.await(1, "invoking")
                    release.set()
                }
                let end = try await probe.end(of: lease.run)
                #expect(end == Probe.End(status: "completed", output: "7"))
            }
            #expect(log.lines == ["7"])
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("A run that is run again invokes again, unless from a later step on")
    func rerun() async throws {
        let log = Log()
        let child = Self.child { number, step in
            try await step.run("work") { log.add("child") }
            return number
        }
        let parent = Self.parent { step -> Int in
            let number = try await step.invoke("c", child, with: Item(number: 3), as: Int.self)
            return try await step.run("after") {
                log.add("after")
                return number
            }
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([parent, child], in: database) { client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                _ = try await probe.end(of: run)
                for (step, lines) in [(nil, ["child", "after"]), ("after", ["after"])] as [(String?, [String])] {
                    let before = log.lines
                    let again = try await probe.value("SELECT nightjar.rerun($1, $2)", [run, step], as: UUID.self)
                    let end = try await probe.end(of: again)
                    #expect(end == Probe.End(status: "completed", output: "3"))
                    #expect(log.lines == before + lines)
                }
            }
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    @Test("A run that another one invoked and that waits is cancelled by its own policy; its parent learns")
    func policyOfChild() async throws {
        let child = Function("child", on: .name("test/never")).retries(0)
            .cancelOn("test/approved", match: "data.key")
            .run { _, step in try await step.waitForEvent("w", "test/other", timeout: Self.long)?.id }
        let parent = Self.parent { step -> String in
            do {
                return try await step.invoke("c", child, with: Approved(key: "x"), as: String?.self) ?? "nil"
            } catch let error as StepError { return "\(error.code ?? "-") \(error.message.contains("test/approved"))" }
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await RunningWorker.with([parent, child], in: database) { client in
                let run = try await probe.run(startedBy: client.send(TestJob(key: "k")))
                try await probe.await(1, "waiting")
                try await client.send([Approved.event("x")])
                let end = try await probe.end(of: run)
                #expect(end.output == "\"invoked_cancelled true\"")
            }
        }
    }
}
