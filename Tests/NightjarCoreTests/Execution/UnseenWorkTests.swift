import Foundation
import NightjarCore
import TestSupport
import Testing

/// The quiet period, which tells "all branches wait" from "one is busy outside of steps".
@Suite("Awaits outside of steps", .timeLimit(.minutes(1)))
struct UnseenWorkTests {
    private let clock = ManualClock()

    private func store(log: LoggedLines = LoggedLines(), _ definition: FunctionDefinition) -> RunStore {
        RunStore(definition, clock: clock.runClock, patience: RunExecution.Patience(), logger: log.logger)
    }

    @Test("a branch that awaits something else is waited for before the run parks")
    func quietPeriod() async {
        let (busy, release) = (Signal(), Signal())
        let journal = Journal()
        let store = store(
            .test { step in
                async let sleeper: Void = step.sleep("nap", for: .seconds(60))
                async let other: Int = {
                    busy.fire()
                    await release.wait()
                    return try await step.run("late") {
                        journal.note("late")
                        return 1
                    }
                }()
                let value = try await other
                try await sleeper
                return value
            })

        async let result = store.execute()
        await busy.wait()
        await clock.waitForSleeper(until: .milliseconds(200))
        clock.advance(by: .milliseconds(199))
        release.fire()
        // "late" is recorded, and the quiet period begins anew.
        await clock.waitForSleeper(until: .milliseconds(399))
        clock.advance(by: .milliseconds(200))

        #expect(await result == .parked(until: .start + .seconds(60)))
        #expect(journal.entries == ["late"])
    }

    @Test("a branch that is still away after the quiet period is cut off")
    func cutOff() async {
        let log = LoggedLines()
        let store = store(
            log: log,
            .test { step in
                async let other: Void = waitForCancellation()
                try await step.sleep("nap", for: .seconds(60))
                await other
                return 1
            })

        async let result = store.execute()
        await clock.waitForSleeper(until: .milliseconds(200))
        clock.advance(by: .milliseconds(200))

        #expect(await result == .parked(until: .start + .seconds(60)))
    }

    @Test("code that does not end when its run has parked gets a warning")
    func slowUnwinding() async throws {
        let log = LoggedLines()
        let release = Signal()
        let store = store(
            log: log,
            .test { step in
                // Not cancelled with the run.
                async let other: Void = Task { await release.wait() }.value
                _ = try? await step.sleep("nap", for: .seconds(60))
                await other
                return 1
            })

        async let result = store.execute()
        await clock.waitForSleeper(until: .milliseconds(200))
        clock.advance(by: .milliseconds(200))
        await clock.waitForSleeper(until: .milliseconds(5200))
        clock.advance(by: .seconds(5))
        try await Waiting.until("both are logged") { log.lines.count >= 2 }
        release.fire()

        #expect(await result == .parked(until: .start + .seconds(60)))
        #expect(log.lines.count == 2)
        #expect(log.lines.first?.contains("outside of its steps") == true)
        #expect(log.lines.last?.contains("does not end") == true)
    }

    @Test("a linear function that came back from elsewhere waits for the quiet period")
    func afterForeignAwait() async {
        let store = store(
            .test { step in
                await Task.detached {}.value
                await hop()
                try await step.sleep("nap", for: .seconds(60))
                return 1
            })

        async let result = store.execute()
        await clock.waitForSleeper(until: .milliseconds(200))
        clock.advance(by: .milliseconds(200))

        #expect(await result == .parked(until: .start + .seconds(60)))
    }

    @Test("a linear function of many steps and nested calls parks at once")
    func linearParksAtOnce() async {
        @Sendable func helper(_ step: Step, _ depth: Int) async throws -> Int {
            if depth == 0 { return try await step.run("leaf") { 1 } }
            return try await helper(step, depth - 1) + step.run("node") { 1 }
        }
        let store = store(
            .test { step in
                var sum = try await helper(step, 5)
                try await step.sendEvent("notify", NewEvent(name: "a/b", data: [:]))
                for index in 0..<5 {
                    do {
                        sum += try await step.run("failing", retries: .never) { throw TestFailure() }
                    } catch is StepError {
                        sum += index
                    }
                }
                try await step.run("timed", timeout: .seconds(60)) {}
                try await step.sleep("nap", for: .seconds(60))
                return sum
            })

        // The clock stands still: a quiet period would never end.
        #expect(await store.execute() == .parked(until: .start + .seconds(60)))
        #expect(await store.runToEnd() == .completed(output: "16"))
    }

    @Test("a linear replay that awaits something before its recorded step is no mismatch")
    func slowReplay() async {
        let store = store(
            .test { step in
                await hop()
                let value = try await step.run("a") { 1 }
                return try await step.run("b") { value + 1 }
            })
        store.change { context in
            context.memo = [RecordedStep(step: "a", kind: .run, output: "5", startedAt: .start, endedAt: .start)]
        }

        #expect(await store.execute() == .ended(.completed(output: "6")))
    }
}

extension UnseenWorkTests {
    @Test("what has come for a wait waits for recorded steps that the replay has yet to come to")
    func arrivalAfterSlowMemo() async {
        let store = store(
            .test { step in
                try await withThrowingTaskGroup(of: String.self) { group in
                    group.addTask {
                        _ = try await step.waitForEvent("news", News.self, timeout: .seconds(60))
                        return "news"
                    }
                    group.addTask {
                        await hop()
                        return try await step.run("recorded") { "" }
                    }
                    return try await group.next()
                }
            })
        store.change { context in
            context.memo = [
                RecordedStep(
                    step: "recorded", kind: .run, output: "\"recorded\"", startedAt: .start, endedAt: .start)
            ]
            context.open = [
                OpenStep(
                    step: "news", kind: .waitForEvent, wait: EventWait(event: "test/news", branches: [MatchBranch()]),
                    dueAt: .start + .seconds(60), startedAt: .start)
            ]
        }
        store.arrive(.event("news", 1))

        #expect(await store.execute() == .ended(.completed(output: "\"recorded\"")))
    }
}

/// Leaves the run's executor and comes back from another thread.
private func hop() async {
    let signal = Signal()
    Task.detached { signal.fire() }
    await signal.wait()
}
