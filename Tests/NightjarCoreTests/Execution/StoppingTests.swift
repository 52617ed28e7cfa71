import Foundation
import NightjarCore
import Synchronization
import Testing

@Suite("Refusal and cancellation", .timeLimit(.minutes(1)))
struct StoppingTests {
    @Test("a refused commit stops the run: bodies are cancelled, nothing more is committed")
    func refused() async {
        let journal = Journal()
        let started = Signal()
        let store = RunStore(
            .test { step in
                async let long: Void = step.run("long") {
                    started.fire()
                    await waitForCancellation()
                    journal.note("cancelled")
                }
                async let short: Void = {
                    try await step.run("short") { await started.wait() }
                    try await step.run("never") { journal.note("never") }
                }()
                async let sleeper: Void = step.sleep("nap", for: .seconds(60))
                _ = try await (long, short, sleeper)
                return 1
            },
            answer: { commit, _ in commit.steps.contains { $0.step == "short" } ? .refused : .accepted })

        #expect(await store.execute() == .refused)
        #expect(journal.entries == ["cancelled"])
        #expect(store.commits.last?.steps.map(\.step).contains("short") == true)
    }

    @Test("a refused park and a refused end are refusals")
    func refusedParkAndEnd() async {
        let parking = RunStore(
            .test { step in
                try await step.sleep("nap", for: .seconds(60))
                return 1
            }, answer: { _, _ in .refused })
        let ending = RunStore(.test { _ in 1 }, answer: { _, _ in .refused })

        #expect(await parking.execute() == .refused)
        #expect(await ending.execute() == .refused)
    }

    @Test("cancelling the task cancels bodies, and what they return is not recorded")
    func cancelDuringBody() async {
        let started = Signal()
        let journal = Journal()
        let store = RunStore(
            .test { step in
                try await step.run("first") {}
                return try await step.run("body") {
                    started.fire()
                    await waitForCancellation()
                    journal.note("cancelled")
                    return 1
                }
            })

        let task = Task { await store.execute() }
        await started.wait()
        task.cancel()

        #expect(await task.value == .abandoned)
        #expect(journal.entries == ["cancelled"])
        #expect(store.memo.map(\.step) == ["first"])
        #expect(store.attempts.isEmpty)
        #expect(store.outcome == nil)
    }

    @Test("whoever stops a run hears once which bodies were in flight")
    func interruption() async {
        let started = Signal()
        let definition = FunctionDefinition.test { step in
            async let one: Void = step.run("one") {
                started.fire()
                await waitForCancellation()
            }
            async let two: Void = step.run("two") {
                started.fire()
                await waitForCancellation()
            }
            async let nap: Void = step.sleep("nap", for: .seconds(60))
            async let quick: Void = step.run("quick") { await started.wait(for: 2) }
            _ = try await (one, two, nap, quick)
        }
        let cancelled = RunStore(definition)
        let refused = RunStore(
            definition, answer: { commit, _ in commit.steps.contains { $0.step == "quick" } ? .refused : .accepted })

        let task = Task { await cancelled.execute() }
        await started.wait(for: 2)
        while !cancelled.memo.contains(where: { $0.step == "quick" }) { await Task.yield() }
        task.cancel()
        _ = await task.value
        #expect(cancelled.interruptions == [["one", "two"]])

        #expect(await refused.execute() == .refused)
        #expect(refused.interruptions == [["one", "two"]])
    }

    @Test("an interruption without a body in flight names none; a run that ends or parks is not interrupted")
    func interruptionOfNothing() async {
        let refused = RunStore(
            .test { step in
                try await step.sleep("nap", for: .seconds(60))
                return 1
            }, answer: { _, _ in .refused })
        let ending = RunStore(
            .test { step in
                try await step.sleep("nap", for: .seconds(60))
                return 1
            })

        #expect(await refused.execute() == .refused)
        _ = await ending.runToEnd()

        #expect(refused.interruptions == [[]])
        #expect(ending.interruptions.isEmpty)
    }

    @Test("run() returns only after user code has ended")
    func waitsForUserCode() async {
        let (started, cancelled, release) = (Signal(), Signal(), Signal())
        let journal = Journal()
        let store = RunStore(
            .test { step in
                try await step.run("stubborn") {
                    started.fire()
                    await waitForCancellation()
                    cancelled.fire()
                    await Task { await release.wait() }.value
                    journal.note("body ended")
                }
                return 1
            })

        let task = Task {
            let result = await store.execute()
            journal.note("run returned")
            return result
        }
        await started.wait()
        task.cancel()
        await cancelled.wait()
        journal.note("released")
        release.fire()

        #expect(await task.value == .abandoned)
        #expect(journal.entries == ["released", "body ended", "run returned"])
    }

    @Test("cancelling the task before it begins runs no user code")
    func cancelledBefore() async {
        let journal = Journal()
        let store = RunStore(
            .test { _ in
                journal.note("started")
                return 1
            })

        let task = Task {
            await waitForCancellation()
            return await store.execute()
        }
        task.cancel()

        #expect(await task.value == .abandoned)
        #expect(journal.entries.isEmpty)
        #expect(store.commits.isEmpty)
    }

    @Test("cancelling during a commit that is accepted stops the run after it")
    func cancelDuringCommit() async {
        let (committing, answer) = (Signal(), Signal())
        let journal = Journal()
        let store = RunStore(
            .test { step in
                try await step.run("a") {}
                try await step.run("b") { journal.note("b") }
                return 1
            },
            answer: { _, _ in
                committing.fire()
                await Task { await answer.wait() }.value
                return .accepted
            })

        let task = Task { await store.execute() }
        await committing.wait()
        task.cancel()
        answer.fire()

        #expect(await task.value == .abandoned)
        #expect(journal.entries.isEmpty)
        #expect(store.commits.count == 1)
    }

    @Test("an end that is accepted counts although the task was cancelled meanwhile")
    func cancelDuringEnd() async {
        let (committing, answer) = (Signal(), Signal())
        let store = RunStore(
            .test { _ in 1 },
            answer: { _, _ in
                committing.fire()
                await Task { await answer.wait() }.value
                return .accepted
            })

        let task = Task { await store.execute() }
        await committing.wait()
        task.cancel()
        answer.fire()

        #expect(await task.value == .ended(.completed(output: "1")))
    }

    @Test("cancelling at random moments leaks no branch and resumes none twice")
    func randomCancellation() async {
        for round in 0..<300 {
            let reached = Signal()
            let store = RunStore(
                .test { step in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for index in 0..<4 {
                            group.addTask {
                                try await step.run("a\(index)") { reached.fire() }
                                try await step.sleep("nap\(index)", for: .zero)
                                try await step.run("b\(index)") { reached.fire() }
                            }
                        }
                        try await group.waitForAll()
                    }
                    return 1
                })
            let task = Task { await store.execute() }
            await reached.wait(for: round % 8 + 1)
            task.cancel()
            let result = await task.value
            #expect(result == .abandoned || result == .ended(.completed(output: "1")))
        }
    }

    @Test("cancelling a run whose branches wait is never taken for an error of its function")
    func cancelWhileWaiting() async {
        for _ in 0..<500 {
            let started = Signal()
            let store = RunStore(
                .test { step in
                    try await step.run("body") {
                        started.fire()
                        await waitForCancellation()
                        throw CancellationError()
                    }
                })
            let task = Task { await store.execute() }
            await started.wait()
            task.cancel()

            #expect(await task.value == .abandoned)
            #expect(store.attempts.isEmpty)
        }
    }
}
