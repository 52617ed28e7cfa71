import Foundation
import NightjarCore
import Testing

@Suite("Waiting for events", .timeLimit(.minutes(1)))
struct WaitForEventTests {
    private let journal = Journal()

    /// Waits for news, and records what came before it returns it.
    private func waiting(_ change: (Function<JSON>) -> Function<JSON> = { $0 }) -> RunStore {
        RunStore(
            .test(change) { [journal] step in
                journal.note("started")
                let news = try await step.waitForEvent("news", News.self, match: "data.id", timeout: .seconds(60))
                let value = news?.data.value
                let recorded = try await step.run("after") { value }
                if recorded != value { journal.note("another value") }
                try await step.sleep("nap", for: .seconds(5))
                return value
            })
    }

    @Test("a run parks as waiting, in one commit with the step that it opened")
    func parks() async throws {
        let store = waiting()

        #expect(await store.execute() == .parked(until: .start + .seconds(60)))

        let commit = try #require(store.commits.first)
        #expect(store.commits.count == 1)
        #expect(commit.next == .park(until: .start + .seconds(60), reason: .waiting))
        #expect(commit.steps.isEmpty)
        let opening = try #require(commit.openings.first)
        #expect(commit.openings.count == 1)
        #expect(opening.step == "news")
        #expect(opening.kind == .waitForEvent)
        #expect(opening.dueAt == .start + .seconds(60))
        #expect(opening.startedAt == .start)
        #expect(opening.invocation == nil)
        #expect(opening.wait?.event == "test/news")
        #expect(opening.wait?.text == "match data.id")
        #expect(opening.wait?.looksBack == false)
        #expect(
            opening.wait?.branches == [MatchBranch(triggerPath: ["data", "id"], eventPath: ["data", "id"])])
    }

    @Test("an event that has come is recorded and returned, and by every replay again")
    func resumes() async throws {
        let store = waiting()
        _ = await store.execute()
        store.now = .start + .seconds(10)
        store.arrive(.event("news", 7))

        #expect(await store.runToEnd() == .completed(output: "7"))

        let record = try #require(store.memo.first)
        #expect(record.step == "news")
        #expect(record.kind == .waitForEvent)
        #expect(record.status == .completed)
        #expect(record.output == Arrival.event("news", 7).output)
        #expect(record.dueAt == nil)
        #expect(record.startedAt == .start)
        #expect(record.endedAt == .start + .seconds(10))
        #expect(store.open.isEmpty)
        #expect(store.violations.isEmpty)
        #expect(journal.entries == ["started", "started", "started"])
    }

    @Test("a wait that nothing comes for returns nil at its time, and in every replay again")
    func timesOut() async throws {
        let store = waiting()

        #expect(await store.runToEnd() == .completed(output: "null"))

        let record = try #require(store.memo.first)
        #expect(record.output == "null")
        #expect(record.status == .completed)
        #expect(record.endedAt == .start + .seconds(60))
        #expect(store.violations.isEmpty)
        #expect(journal.entries == ["started", "started", "started"])
    }

    @Test("an event that came before the run was executed again wins over the time that is up")
    func arrivalBeatsTimeout() async {
        let store = waiting()
        _ = await store.execute()
        store.arrive(.event("news", 7))
        store.now = .start + .seconds(100)

        #expect(await store.runToEnd() == .completed(output: "7"))
    }

    @Test("an event has its id, name, data, user and time")
    func event() async {
        let store = RunStore(
            .test { step in
                let event = try await step.waitForEvent("news", News.self, timeout: .seconds(60))
                let raw = try await step.waitForEvent("any", "test/*", timeout: .seconds(60))
                return [
                    event?.id, event?.name, "\(event?.data.value ?? 0)", event?.user?["name"]?.string,
                    event.map { "\($0.timestamp.timeIntervalSince1970)" },
                    raw?.id, raw?.name, raw?.data["value"]?.string, raw.map { "\($0.user == nil)" },
                ]
            })
        _ = await store.execute()
        store.arrive(
            Arrival(
                step: "news",
                output: #"{"id":"1","name":"test/news","data":{"value":3},"user":{"name":"U"},"ts":1500}"#))
        _ = await store.execute()
        store.arrive(Arrival(step: "any", output: #"{"id":"2","name":"test/x","data":{"value":"v"},"ts":0}"#))

        #expect(
            await store.runToEnd()
                == .completed(output: #"["1","test/news","3","U","1.5","2","test/x","v","true"]"#))
    }

    @Test("an event that is not of the type fails the run and names the step")
    func otherType() async {
        let store = waiting()
        _ = await store.execute()
        store.arrive(Arrival(step: "news", output: #"{"id":"1","name":"test/news","data":{"value":"x"},"ts":0}"#))

        let error = await store.runToEnd()?.error

        #expect(error?.code == RunError.Code.eventMismatch)
        #expect(error?.message.contains("\"news\"") == true)
        #expect(error?.message.contains("data.value") == true)
    }

    @Test("a wait that has begun keeps its time and what it waits for, whatever a replay computes")
    func keepsWhatWasOpened() async {
        let store = RunStore(
            .test { step in
                try await step.waitForEvent("news", News.self, match: "not a path", timeout: .seconds(-1))?.data.value
            })
        let open = OpenStep(
            step: "news", kind: .waitForEvent, wait: EventWait(event: "x", branches: []),
            dueAt: .start + .seconds(30), startedAt: .start)
        store.change { $0.open = [open] }

        #expect(await store.execute() == .parked(until: .start + .seconds(30)))
        #expect(store.open == [open])
        #expect(store.commits.last?.openings == [])
        #expect(await store.runToEnd() == .completed(output: "null"))
    }

    @Test("a step that is open as another kind fails the run and names both")
    func otherKind() async {
        let store = RunStore(.test { step in try await step.run("news") { 1 } })
        store.change {
            $0.open = [
                OpenStep(step: "news", kind: .waitForEvent, dueAt: .start + .seconds(30), startedAt: .start)
            ]
        }

        let error = await store.runToEnd()?.error

        #expect(error?.code == RunError.Code.replayMismatch)
        #expect(error?.message.contains("\"news\" is recorded as step.waitForEvent") == true)
        #expect(error?.message.contains("step.run") == true)
    }

    @Test("a body after a wait's opening starts only after the opening is recorded")
    func openingBeforeBody() async {
        let store = RunStore(
            .test { [journal] step in
                async let news = step.waitForEvent("news", News.self, timeout: .seconds(60))
                try await step.run("ask") { journal.note("body") }
                return try await news?.data.value
            },
            answer: { [journal] commit, _ in
                journal.note("commit \(commit.openings.map(\.step))")
                return .accepted
            })

        _ = await store.execute()

        #expect(journal.entries.prefix(2) == ["commit [\"news\"]", "body"])
    }

    @Test("a clock that was set back does not let a wait end before it began")
    func clockSetBack() async throws {
        let store = waiting()
        store.now = .start + .seconds(50)
        _ = await store.execute()
        store.now = .start + .seconds(10)
        store.arrive(.event("news", 7))
        _ = await store.execute()

        let record = try #require(store.memo.first)
        #expect(record.endedAt >= record.startedAt)
    }

    @Test("a run that fails opens nothing any more")
    func failingOpensNothing() async throws {
        let store = RunStore(
            .test { step in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try await step.waitForEvent("news", News.self, timeout: .seconds(60)) }
                    group.addTask { _ = try await step.waitForEvent("bad", News.self, timeout: .zero) }
                    try await group.waitForAll()
                }
            })

        #expect(await store.runToEnd()?.error?.code == RunError.Code.misuse)
        #expect(store.commits.count == 1)
        #expect(store.commits.first?.openings == [])
    }

    @Test("looking back goes with the wait")
    func looksBack() async {
        let store = RunStore(
            .test { step in
                _ = try await step.waitForEvent("news", News.self, timeout: .seconds(60), since: .runStart)
            })

        _ = await store.execute()

        #expect(store.open.map { $0.wait?.looksBack } == [true])
        #expect(store.open.map { $0.wait?.branches } == [[MatchBranch()]])
        #expect(store.open.map { $0.wait?.text } == [nil])
    }

    @Test("every way to say what is waited for ends up in the open step")
    func matches() async throws {
        let store = RunStore(
            .test { step in
                let second = Duration.seconds(1)
                async let a = step.waitForEvent("a", News.self, where: \.value, equals: 7, timeout: second)
                async let b = step.waitForEvent("b", News.self, match: "data.x", timeout: second)
                async let c = step.waitForEvent("c", News.self, match: "data.x", with: "data.y", timeout: second)
                async let d = step.waitForEvent("d", News.self, if: "async.data.value > 3", timeout: second)
                async let e = step.waitForEvent("e", "test/*", match: "id", timeout: second)
                async let f = step.waitForEvent("f", "test/f", match: "data.x", with: "data.y", timeout: second)
                async let g = step.waitForEvent("g", "test/g", if: "async.data.a == event.data.b", timeout: second)
                _ = try await (a, b, c, d, e, f, g)
            })
        let path = (x: try FieldPath("data.x"), y: try FieldPath("data.y"))
        let greater = try EventExpression("async.data.value > 3", scope: .match).match()

        _ = await store.execute()

        let waits = Dictionary(uniqueKeysWithValues: store.open.map { ($0.step, $0.wait) })
        #expect(
            waits["a"]??.branches == [
                MatchBranch(triggerPath: ["", #"{"is":7}"#], eventPath: ["", #"["data","value"]"#])
            ])
        #expect(waits["a"]??.text == "if async.data.value == 7")
        #expect(waits["b"]??.branches == Match(path.x, with: path.x).branches)
        #expect(waits["c"]??.branches == Match(path.x, with: path.y).branches)
        #expect(waits["c"]??.text == "match data.x with data.y")
        #expect(waits["d"]??.branches == greater.branches)
        #expect(waits["d"]??.text == "if async.data.value > 3")
        #expect(waits["e"]??.branches == [MatchBranch(triggerPath: ["id"], eventPath: ["id"])])
        #expect(waits["e"]??.event == "test/*")
        #expect(waits["f"]??.branches == Match(path.x, with: path.y).branches)
        #expect(waits["f"]??.event == "test/f")
        #expect(waits["g"]??.branches == [MatchBranch(triggerPath: ["data", "b"], eventPath: ["data", "a"])])
    }

    @Test("a wait in a loop gets an index each time")
    func loop() async {
        let store = RunStore(
            .test { step in
                var sum = 0
                while let news = try await step.waitForEvent("news", News.self, timeout: .seconds(60)) {
                    sum += news.data.value
                }
                return sum
            })
        for value in 1...3 {
            _ = await store.execute()
            store.arrive(.event(value == 1 ? "news" : "news:\(value - 1)", value))
        }

        #expect(await store.runToEnd() == .completed(output: "6"))
        #expect(store.memo.map(\.step) == ["news", "news:1", "news:2", "news:3"])
    }

    @Test("a function that fails outside of steps waits for the same event again in its next attempt")
    func functionRetry() async {
        let store = RunStore(
            .test { [journal] step in
                journal.note("started")
                async let news = step.waitForEvent("news", News.self, timeout: .seconds(600))
                try await step.run("other") {}
                if journal.count("started") < 3 { throw TestFailure() }
                return try await news?.data.value
            })

        _ = await store.execute()
        #expect(store.open.map(\.step) == ["news"])
        #expect(store.attempts.map(\.attempt) == [1])
        store.now = .start + .seconds(15)
        _ = await store.execute()
        #expect(store.open.map(\.step) == ["news"])
        #expect(store.attempts.map(\.attempt) == [1, 2])
        store.arrive(.event("news", 7))

        #expect(await store.runToEnd() == .completed(output: "7"))
        #expect(store.violations.isEmpty)
    }

    @Test("a function that fails for good while it waits does not retry for ever")
    func functionRetriesEnd() async {
        let store = RunStore(
            .test({ $0.retries(2) }) { step in
                async let news = step.waitForEvent("news", News.self, timeout: .seconds(1_000_000))
                async let other: Void = step.run("other") {}
                try await other
                if !Task.isCancelled { throw TestFailure() }
                return try await news?.data.value
            })

        #expect(await store.runToEnd()?.error?.name == "TestFailure")
        #expect(store.attempts.map(\.attempt) == [1, 2])
    }
}
