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
}
