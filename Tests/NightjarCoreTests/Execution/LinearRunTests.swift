import Foundation
import NightjarCore
import Testing

@Suite("A run of one branch", .timeLimit(.minutes(1)))
struct LinearRunTests {
    @Test("one step and a return make one commit")
    func oneCommit() async throws {
        let store = RunStore(.test { step in try await step.run("a") { 1 } + 1 })

        let result = await store.execute()

        #expect(result == .ended(.completed(output: "2")))
        #expect(store.commits.count == 1)
        let commit = try #require(store.commits.first)
        #expect(commit.steps.map(\.step) == ["a"])
        #expect(commit.steps.first?.output == "1")
        #expect(commit.steps.first?.kind == .run)
        #expect(commit.next == .end(.completed(output: "2")))
    }

    @Test("a step's body starts only after everything before it is recorded")
    func recordedBeforeNextBody() async {
        let journal = Journal()
        let store = RunStore(
            .test { step in
                try await step.run("a") { journal.note("a") }
                try await step.run("b") { journal.note("b") }
                return "done"
            },
            answer: { commit, _ in
                journal.note("commit " + commit.steps.map(\.step).joined(separator: ","))
                return .accepted
            })

        _ = await store.execute()

        #expect(journal.entries == ["a", "commit a", "b", "commit b"])
        #expect(store.commits.map(\.next) == [.keep, .end(.completed(output: "\"done\""))])
    }

    @Test("a sleep parks the run at once, and the replay executes only what comes after it")
    func sleepParks() async throws {
        let journal = Journal()
        let store = RunStore(
            .test { step in
                let one = try await step.run("a") {
                    journal.note("a")
                    return 1
                }
                try await step.sleep("nap", for: .seconds(60))
                return try await step.run("b") {
                    journal.note("b")
                    return one + 1
                }
            },
            patience: RunExecution.Patience())

        let first = await store.execute()

        #expect(first == .parked(until: .start + .seconds(60)))
        #expect(store.commits.count == 1)
        let commit = try #require(store.commits.first)
        #expect(commit.steps.map(\.step) == ["a", "nap"])
        #expect(commit.steps.last?.dueAt == .start + .seconds(60))
        #expect(commit.next == .park(until: .start + .seconds(60), reason: .sleeping))

        store.now = .start + .seconds(60)
        let second = await store.execute()

        #expect(second == .ended(.completed(output: "2")))
        #expect(journal.entries == ["a", "b"])
        #expect(store.commits.count == 2)
        #expect(store.commits.last?.steps.map(\.step) == ["b"])
    }

    @Test("a replay that comes too early parks again without a new record")
    func earlyReplay() async {
        let store = RunStore(
            .test { step in
                try await step.sleep("nap", for: .seconds(60))
                return 1
            })

        _ = await store.execute()
        store.now = .start + .seconds(30)
        let second = await store.execute()

        #expect(second == .parked(until: .start + .seconds(60)))
        #expect(store.commits.last?.steps.isEmpty == true)
    }

    @Test("a sleep that is over when it is met does not park")
    func pastSleep() async {
        let store = RunStore(
            .test { step in
                try await step.sleep("nap", until: .start)
                try await step.sleep("no time", for: .zero)
                return 1
            })

        #expect(await store.execute() == .ended(.completed(output: "1")))
        #expect(store.commits.count == 1)
        #expect(store.memo.map(\.step) == ["nap", "no time"])
    }

    @Test("ids that repeat get an index, and a literal id that looks like one stays distinct")
    func loops() async {
        let store = RunStore(
            .test { step in
                var sum = 0
                for index in 0..<3 { sum += try await step.run("x") { index } }
                sum += try await step.run("x:1") { 10 }
                try await step.sleep("nap", for: .seconds(1))
                sum += try await step.run("x") { 100 }
                return sum
            })

        #expect(await store.runToEnd() == .completed(output: "113"))
        #expect(store.memo.map(\.step) == ["x", "x:1", "x:2", "x:1:1", "nap", "x:3"])
    }

    @Test("an error that user code swallows when the run parks is harmless")
    func swallowedParking() async {
        let journal = Journal()
        let store = RunStore(
            .test { step in
                do {
                    try await step.sleep("nap", for: .seconds(60))
                } catch {
                    _ = try? await step.run("compensate") { journal.note("compensate") }
                    return "swallowed"
                }
                return try await step.run("after") {
                    journal.note("after")
                    return "slept"
                }
            })

        #expect(await store.runToEnd() == .completed(output: "\"slept\""))
        #expect(journal.entries == ["after"])
    }

    @Test("events are recorded together with their step, once, with ids that replays see again")
    func sendEvent() async throws {
        let store = RunStore(
            .test { step in
                let ids = try await step.sendEvent(
                    "notify", NewEvent(name: "app/one", data: ["n": 1]),
                    NewEvent(name: "app/two", data: ["n": 2], id: "two"))
                try await step.sleep("nap", for: .seconds(1))
                return ids
            })

        let outcome = await store.runToEnd()

        let ids = store.events.compactMap(\.publicID)
        #expect(ids.count == 2)
        #expect(ids.last == "two")
        #expect(outcome == .completed(output: "[\"\(ids.first ?? "")\",\"two\"]"))
        #expect(store.commits.map { $0.events.map(\.name) } == [["app/one", "app/two"], []])
        #expect(store.memo.first?.kind == .sendEvent)
    }

    @Test("a step's body knows its run, its id and its attempt, and runs off the run's executor")
    func stepContext() async {
        let store = RunStore(
            .test { step in
                let outside = StepContext.current
                let inside = try await step.run("a") { () -> [String] in
                    let context = try #require(StepContext.current)
                    return [context.stepID, "\(context.attempt)", context.idempotencyKey]
                }
                #expect(outside == nil)
                return inside
            })

        let key = "\(store.runID.uuidString.lowercased())/a"
        #expect(await store.execute() == .ended(.completed(output: "[\"a\",\"1\",\"\(key)\"]")))
    }

    @Test("a function without steps makes one commit")
    func noSteps() async {
        let store = RunStore(.test { _ in [1, 2] })

        #expect(await store.execute() == .ended(.completed(output: "[1,2]")))
        #expect(store.commits.count == 1)
    }

    @Test(
        "a moment that no database can hold becomes one that it can",
        arguments: [
            (Double.infinity, 253_402_300_799.0), (1e300, 253_402_300_799), (253_402_300_800, 253_402_300_799),
        ])
    func farFuture(seconds: Double, stored: Double) async {
        let store = RunStore(
            .test { step in
                try await step.sleep("nap", until: Date(timeIntervalSince1970: seconds))
            })

        #expect(await store.execute() == .parked(until: Date(timeIntervalSince1970: stored)))
    }

    @Test("a moment that is not a number passes at once")
    func notANumber() async {
        let store = RunStore(
            .test { step in
                try await step.sleep("nap", until: Date(timeIntervalSince1970: .nan))
            })

        #expect(await store.execute() == .ended(.completed(output: "null")))
    }
}
