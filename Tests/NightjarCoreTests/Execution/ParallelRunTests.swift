import Foundation
import NightjarCore
import Synchronization
import TestSupport
import Testing

@Suite("A run of several branches", .timeLimit(.minutes(1)))
struct ParallelRunTests {
    @Test("bodies of parallel steps overlap")
    func overlap() async {
        let (first, second) = (Signal(), Signal())
        let store = RunStore(
            .test { step in
                async let a = step.run("a") {
                    first.fire()
                    await second.wait()
                    return 1
                }
                async let b = step.run("b") {
                    second.fire()
                    await first.wait()
                    return 2
                }
                return try await a + b
            })

        #expect(await store.execute() == .ended(.completed(output: "3")))
        #expect(Set(store.memo.map(\.step)) == ["a", "b"])
    }

    @Test("a run parks when all branches wait, after the others have done what they could")
    func parksWhenAllWait() async {
        let journal = Journal()
        let store = RunStore(
            .test { step in
                async let slow: Int = {
                    try await step.sleep("nap", for: .seconds(60))
                    return try await step.run("after") {
                        journal.note("after")
                        return 1
                    }
                }()
                async let quick: Int = {
                    let one = try await step.run("one") {
                        journal.note("one")
                        return 10
                    }
                    return try await step.run("two") {
                        journal.note("two")
                        return one + 90
                    }
                }()
                return try await slow + quick
            })

        let first = await store.execute()

        #expect(first == .parked(until: .start + .seconds(60)))
        #expect(journal.entries == ["one", "two"])

        #expect(await store.runToEnd() == .completed(output: "101"))
        #expect(journal.entries == ["one", "two", "after"])
    }

    @Test("a task group parks until the earliest of its sleeps")
    func taskGroup() async {
        let store = RunStore(
            .test { step in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for index in 1...4 {
                        group.addTask {
                            try await step.sleep("nap-\(index)", for: .seconds(index * 10))
                            return try await step.run("step-\(index)") { index }
                        }
                    }
                    return try await group.reduce(0, +)
                }
            })

        #expect(await store.execute() == .parked(until: .start + .seconds(10)))
        #expect(await store.runToEnd() == .completed(output: "10"))
        #expect(store.recordedTwice.isEmpty)
    }

    @Test("nested parallel branches end with what their steps return")
    func nested() async {
        let store = RunStore(
            .test { step in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for outer in 0..<3 {
                        group.addTask {
                            async let left = step.run("left-\(outer)") { outer }
                            async let right: Int = {
                                try await step.sleep("nap-\(outer)", for: .seconds(1))
                                return try await step.run("right-\(outer)") { outer * 10 }
                            }()
                            return try await left + right
                        }
                    }
                    return try await group.reduce(0, +)
                }
            })

        #expect(await store.runToEnd() == .completed(output: "33"))
    }

    @Test("the branch that won a race wins it in the replay as well")
    func race() async {
        let release = Signal()
        let store = RunStore(
            .test { step in
                let winner = try await withThrowingTaskGroup(of: String.self) { group in
                    group.addTask {
                        try await step.run("first") {
                            await release.wait()
                            return "first"
                        }
                    }
                    group.addTask {
                        try await step.run("second") { "second" }
                    }
                    let winner = try await group.next() ?? ""
                    release.fire()
                    _ = try await group.next()
                    return winner
                }
                try await step.sleep("nap", for: .seconds(1))
                return winner
            },
            clock: .ticking)

        #expect(await store.runToEnd() == .completed(output: "\"second\""))
        #expect(store.memo.map(\.step) == ["second", "first", "nap"])
    }

    @Test("a sleep that ends while another step is in flight wakes its branch in place")
    func warmSleep() async {
        let clock = ManualClock()
        let journal = Journal()
        let woken = Signal()
        let store = RunStore(
            .test { step in
                async let body: Void = step.run("body") {
                    await woken.wait()
                    journal.note("body")
                }
                async let sleeper: Void = {
                    try await step.sleep("nap", for: .seconds(5))
                    journal.note("woken")
                    woken.fire()
                }()
                _ = try await (body, sleeper)
                return 1
            }, clock: clock.runClock)

        async let result = store.execute()
        await clock.waitForSleeper(until: .seconds(5))
        clock.advance(by: .seconds(5))

        #expect(await result == .ended(.completed(output: "1")))
        #expect(journal.entries == ["woken", "body"])
    }

    @Test("a branch that its scope cancels while it sleeps ends with a cancellation, not with a park")
    func scopeCancelsSleep() async {
        let store = RunStore(
            .test { step in
                let winner = try await withThrowingTaskGroup(of: String.self) { group in
                    group.addTask {
                        do {
                            try await step.sleep("timeout", for: .seconds(600))
                        } catch is CancellationError {
                            return "cancelled"
                        }
                        return "timeout"
                    }
                    group.addTask { try await step.run("work") { "work" } }
                    let winner = try await group.next() ?? ""
                    group.cancelAll()
                    return winner + "," + (try await group.next() ?? "")
                }
                try await step.sleep("nap", for: .seconds(1))
                return winner
            })

        #expect(await store.execute() == .parked(until: .start + .seconds(1)))
        #expect(await store.runToEnd() == .completed(output: "\"work,cancelled\""))
    }

    @Test("a body that its scope cancels is neither a failure nor recorded")
    func scopeCancelsBody() async {
        let started = Signal()
        let store = RunStore(
            .test { step in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    group.addTask {
                        try await step.run("cancelled") {
                            started.fire()
                            await waitForCancellation()
                            throw CancellationError()
                        }
                    }
                    group.addTask {
                        try await step.run("winner") {
                            await started.wait()
                            return 7
                        }
                    }
                    let winner = try await group.next() ?? 0
                    group.cancelAll()
                    return winner
                }
            })

        #expect(await store.execute() == .ended(.completed(output: "7")))
        #expect(store.memo.map(\.step) == ["winner"])
        #expect(store.attempts.isEmpty)
    }

    @Test("steps of one id in parallel branches get indexes and a warning")
    func sameID() async {
        let log = LoggedLines()
        let store = RunStore(
            .test { step in
                async let a = step.run("x") { 1 }
                async let b = step.run("x") { 1 }
                async let c = step.run("x") { 1 }
                return try await a + b + c
            }, logger: log.logger)

        #expect(await store.execute() == .ended(.completed(output: "3")))
        #expect(Set(store.memo.map(\.step)) == ["x", "x:1", "x:2"])
        #expect(log.lines.count == 1)
        #expect(log.lines.first?.contains("same step id") == true)
    }

    @Test("records of steps that end together go into one commit")
    func commitsGather() async {
        let store = RunStore(
            .test { step in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    for index in 0..<20 { group.addTask { try await step.run("s\(index)") { 1 } } }
                    return try await group.reduce(0, +)
                }
            })

        #expect(await store.execute() == .ended(.completed(output: "20")))
        #expect(store.memo.count == 20)
        #expect(store.commits.count <= 20)
    }
}
