import Foundation
import NightjarCore
import Testing

@Suite("Timeouts", .timeLimit(.minutes(1)))
struct TimeoutTests {
    private let clock = ManualClock()

    @Test("an attempt that takes too long is cancelled and retried")
    func stepTimeout() async {
        let journal = Journal()
        let store = RunStore(
            .test { step in
                try await step.run("slow", timeout: .seconds(5)) {
                    await waitForCancellation()
                    journal.note("cancelled")
                }
                return 1
            }, clock: clock.runClock)

        async let result = store.execute()
        await clock.waitForSleeper(until: .seconds(5))
        clock.advance(by: .seconds(5))

        #expect(await result == .parked(until: .start + .seconds(20)))
        #expect(journal.entries == ["cancelled"])
        #expect(store.attempts.first?.error.code == RunError.Code.stepTimeout)
        #expect(store.attempts.first?.error.name == "StepTimeout")
    }

    @Test("the function's step timeout holds for steps that have none")
    func defaultStepTimeout() async {
        let store = RunStore(
            .test({ $0.stepTimeout(.seconds(5)).retries(0) }) { step in
                try await step.run("slow") { await waitForCancellation() }
                return 1
            }, clock: clock.runClock)

        async let result = store.execute()
        await clock.waitForSleeper(until: .seconds(5))
        clock.advance(by: .seconds(5))

        guard case .ended(.failed(let error)) = await result else { return #expect(Bool(false), "it must fail") }
        #expect(error.code == RunError.Code.stepFailed)
    }

    @Test("a step that ends in time is not touched by its timeout")
    func inTime() async {
        let store = RunStore(
            .test { step in try await step.run("quick", timeout: .seconds(5)) { 1 } }, clock: clock.runClock)

        #expect(await store.execute() == .ended(.completed(output: "1")))
    }

    @Test("a run that reaches its timeout has its bodies cancelled and fails")
    func runTimeout() async {
        let journal = Journal()
        let store = RunStore(
            .test({ $0.timeout(.seconds(10)) }) { step in
                try await step.run("slow") {
                    await waitForCancellation()
                    journal.note("cancelled")
                }
                journal.note("not reached")
                return 1
            }, clock: clock.runClock)

        async let result = store.execute()
        await clock.waitForSleeper(until: .seconds(10))
        clock.advance(by: .seconds(10))

        guard case .ended(.failed(let error)) = await result else { return #expect(Bool(false), "it must fail") }
        #expect(error.code == RunError.Code.runTimeout)
        #expect(journal.entries == ["cancelled"])
        #expect(store.memo.isEmpty)
    }

    @Test("a run parks until its timeout when its sleep is longer, and then fails without user code")
    func sleepBeyondTimeout() async {
        let journal = Journal()
        let store = RunStore(
            .test({ $0.timeout(.seconds(10)) }) { step in
                journal.note("started")
                try await step.sleep("nap", for: .seconds(60))
                return 1
            })

        #expect(await store.execute() == .parked(until: .start + .seconds(10)))
        store.now = .start + .seconds(10)
        #expect(await store.runToEnd()?.error?.code == RunError.Code.runTimeout)
        #expect(journal.entries == ["started"])
    }

    @Test("a run that waits outside of steps fails at its timeout as well")
    func unseenTimeout() async {
        let store = RunStore(
            .test({ $0.timeout(.seconds(10)) }) { _ in
                await waitForCancellation()
                return 1
            }, clock: clock.runClock)

        async let result = store.execute()
        await clock.waitForSleeper(until: .seconds(10))
        clock.advance(by: .seconds(10))

        guard case .ended(.failed(let error)) = await result else { return #expect(Bool(false), "it must fail") }
        #expect(error.code == RunError.Code.runTimeout)
    }
}
