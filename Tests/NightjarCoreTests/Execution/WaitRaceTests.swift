import Foundation
import NightjarCore
import Testing

@Suite("Waits against each other", .timeLimit(.minutes(1)))
struct WaitRaceTests {
    private let journal = Journal()

    /// Waits for three events at once, and takes the first; a later nap makes a replay.
    private func race() -> RunStore {
        RunStore(
            .test { [journal] step in
                let result = try await withThrowingTaskGroup(of: String.self) { group in
                    for name in ["a", "b", "c"] {
                        group.addTask {
                            do {
                                let news = try await step.waitForEvent(name, News.self, timeout: .seconds(60))
                                return "\(name) \(news?.data.value ?? 0)"
                            } catch is CancellationError {
                                return "\(name) cancelled"
                            }
                        }
                    }
                    var results = [try await group.next() ?? ""]
                    group.cancelAll()
                    for try await result in group { results.append(result) }
                    return results.joined(separator: ", ")
                }
                journal.note(result)
                try await step.sleep("nap", for: .seconds(100))
                return result
            })
    }

    @Test("the first event wins; the other waits are withdrawn, and are in every replay")
    func losersAreWithdrawn() async {
        let store = race()
        #expect(await store.execute() == .parked(until: .start + .seconds(60)))
        #expect(store.open.map(\.step) == ["a", "b", "c"])
        store.arrive(.event("b", 7))

        #expect(await store.execute() == .parked(until: .start + .seconds(100)))
        #expect(store.open.isEmpty)
        #expect(store.commits.last?.steps.map(\.step) == ["b", "a", "c", "nap"])
        #expect(store.memo.filter(\.isWithdrawn).map(\.step) == ["a", "c"])
        #expect(store.memo.map(\.error?.code) == [nil, RunError.Code.withdrawn, RunError.Code.withdrawn, nil])

        let expected = "b 7, a cancelled, c cancelled"
        #expect(await store.runToEnd() == .completed(output: "\"\(expected)\""))
        #expect(journal.entries == [expected, expected, expected])
        #expect(store.violations.isEmpty)
    }

    @Test("of two events that have come, one wins, and the other wait is withdrawn all the same")
    func twoArrivals() async {
        let store = race()
        _ = await store.execute()
        store.arrive(.event("c", 1))
        store.arrive(.event("b", 2))

        let expected = "b 2, a cancelled, c cancelled"
        #expect(await store.runToEnd() == .completed(output: "\"\(expected)\""))
        #expect(journal.entries == [expected, expected])
    }

    @Test("a wait that its scope cancels before it was recorded as open never was")
    func withdrawnBeforeRecorded() async {
        let store = RunStore(
            .test { step in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { _ = try await step.waitForEvent("news", News.self, timeout: .seconds(60)) }
                    group.addTask { try await step.sendEvent("send", NewEvent(name: "a/b", data: [:])) }
                    try await group.next()
                    group.cancelAll()
                }
                try await step.run("after") {}
            })

        #expect(await store.runToEnd() == .completed(output: "null"))
        #expect(store.commits.flatMap(\.openings).isEmpty)
        #expect(store.memo.map(\.step) == ["send", "news", "after"])
        #expect(store.memo.map(\.isWithdrawn) == [false, true, false])
        #expect(store.violations.isEmpty)
    }

    @Test("a wait that is met in a cancelled task throws, and leaves no record when it is new")
    func metCancelled() async {
        let store = RunStore(
            .test { step in
                await withTaskGroup(of: Void.self) { group in
                    group.cancelAll()
                    group.addTask {
                        for name in ["old", "new"] {
                            do {
                                _ = try await step.waitForEvent(name, News.self, timeout: .seconds(60))
                            } catch is CancellationError {
                            } catch {
                                Issue.record("\(error)")
                            }
                        }
                    }
                }
                try await step.run("after") {}
            })
        store.change {
            $0.open = [
                OpenStep(
                    step: "old", kind: .waitForEvent, wait: EventWait(event: "test/news", branches: [MatchBranch()]),
                    dueAt: .start + .seconds(60), startedAt: .start)
            ]
        }

        #expect(await store.runToEnd() == .completed(output: "null"))
        #expect(store.memo.map(\.step) == ["old", "after"])
        #expect(store.memo.map(\.isWithdrawn) == [true, false])
        #expect(store.open.isEmpty)
    }

    @Test("a sleep that lost a race is cancelled in a replay after its time as well")
    func lostSleep() async {
        let store = RunStore(
            .test { [journal] step in
                let results = try await withThrowingTaskGroup(of: String.self) { group in
                    group.addTask { try await step.run("work") { "work" } }
                    group.addTask {
                        do {
                            try await step.sleep("limit", for: .seconds(10))
                            return "limit"
                        } catch is CancellationError {
                            return "cancelled"
                        }
                    }
                    let first = try await group.next() ?? ""
                    group.cancelAll()
                    return try await [first, group.next() ?? ""]
                }
                journal.note(results.joined(separator: ","))
                try await step.sleep("nap", for: .seconds(100))
            })

        #expect(await store.runToEnd() == .completed(output: "null"))
        #expect(journal.entries == ["work,cancelled", "work,cancelled"])
    }

    @Test("a body that ends after a sleep was over goes on after the sleep, now as in a replay")
    func bodyAfterSleep() async {
        let clock = ManualClock()
        let (started, release) = (Signal(), Signal())
        let store = RunStore(
            .test { [journal] step in
                let results = try await withThrowingTaskGroup(of: String.self) { group in
                    group.addTask {
                        try await step.run("work") {
                            started.fire()
                            await release.wait()
                            clock.advanceSilently(by: .seconds(11))
                            return "work"
                        }
                    }
                    group.addTask {
                        try await step.sleep("limit", for: .seconds(10))
                        return "limit"
                    }
                    return try await [group.next() ?? "", group.next() ?? ""]
                }
                journal.note(results.joined(separator: ","))
                try await step.sleep("nap", for: .seconds(100))
            }, clock: clock.runClock)

        async let result = store.execute()
        await started.wait()
        await clock.waitForSleeper(until: .seconds(10))
        release.fire()
        _ = await result
        store.now = .start + .seconds(200)

        #expect(await store.runToEnd() == .completed(output: "null"))
        #expect(journal.entries == ["limit,work", "limit,work"])
    }

    @Test("a new step that ends at once goes on after the memos that wait for their turn, now as in a replay")
    func sendAfterMemos() async {
        let store = RunStore(
            .test { [journal] step in
                let results = try await withThrowingTaskGroup(of: String.self) { group in
                    group.addTask { try await step.run("second") { "" } }
                    group.addTask {
                        try await step.sendEvent("new", NewEvent(name: "a/b", data: [:]))
                        return "new"
                    }
                    group.addTask { try await step.run("first") { "" } }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                journal.note(results.joined(separator: ","))
                try await step.sleep("nap", for: .seconds(100))
            })
        store.change { context in
            context.memo = ["first", "second"].enumerated().map { index, step in
                RecordedStep(
                    step: step, kind: .run, output: "\"\(step)\"", startedAt: .start,
                    endedAt: .start + .seconds(index))
            }
        }

        #expect(await store.runToEnd() == .completed(output: "null"))
        #expect(journal.entries == ["first,second,new", "first,second,new"])
    }

    @Test("cancelling the run's task while it waits withdraws nothing")
    func abandoned() async {
        for _ in 0..<300 {
            let started = Signal()
            let store = RunStore(
                .test { step in
                    async let news = step.waitForEvent("news", News.self, timeout: .seconds(60))
                    try await step.run("first") {}
                    try await step.run("body") {
                        started.fire()
                        await waitForCancellation()
                    }
                    return try await news?.data.value
                })
            let task = Task { await store.execute() }
            await started.wait()
            task.cancel()

            #expect(await task.value == .abandoned)
            #expect(store.memo.map(\.step) == ["first"])
            #expect(store.open.map(\.step) == ["news"])
        }
    }
}
