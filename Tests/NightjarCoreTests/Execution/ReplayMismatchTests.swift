import Foundation
import NightjarCore
import Testing

@Suite("Replays that do not fit", .timeLimit(.minutes(1)))
struct ReplayMismatchTests {
    private func store(_ definition: FunctionDefinition, memo: [RecordedStep]) -> RunStore {
        let store = RunStore(definition)
        store.change { $0.memo = memo }
        return store
    }

    private func memo(_ step: String, _ kind: StepKind = .run, at offset: Duration = .zero) -> RecordedStep {
        RecordedStep(
            step: step, kind: kind, output: kind == .sleep ? nil : "1", dueAt: kind == .sleep ? .start : nil,
            startedAt: .start, endedAt: .start + offset)
    }

    @Test("a step that is recorded as another kind fails the run and names both")
    func otherKind() async {
        let store = store(
            .test { step in
                // Swallowing the error does not help.
                _ = try? await step.run("a") { 1 }
                return 1
            }, memo: [memo("a", .sleep)])

        let error = await store.runToEnd()?.error

        #expect(error?.code == RunError.Code.replayMismatch)
        #expect(error?.message.contains("\"a\" is recorded as step.sleep") == true)
        #expect(error?.message.contains("step.run") == true)
    }

    @Test("a fresh step before a recorded one that was not met fails the run without executing anything")
    func renamed() async {
        let journal = Journal()
        let store = store(
            .test { step in
                try await step.run("new") { journal.note("new") }
                return 1
            }, memo: [memo("old")])

        let error = await store.runToEnd()?.error

        #expect(error?.code == RunError.Code.replayMismatch)
        #expect(error?.message.contains("\"old\"") == true)
        #expect(error?.message.contains("\"new\"") == true)
        #expect(journal.entries.isEmpty)
    }

    @Test("a function that ends or parks without meeting what is recorded fails")
    func endsOrParks() async {
        let ending = store(.test { _ in 1 }, memo: [memo("old")])
        let parking = store(
            .test { step in
                try await step.sleep("nap", for: .seconds(60))
                return 1
            }, memo: [memo("old")])

        #expect(await ending.runToEnd()?.error?.code == RunError.Code.replayMismatch)
        #expect(await parking.runToEnd()?.error?.code == RunError.Code.replayMismatch)
    }

    @Test("an error outside of steps before a recorded step is an error, not a mismatch")
    func throwingBefore() async {
        let store = store(.test { _ -> Int in throw TestFailure() }, memo: [memo("old")])

        #expect(await store.execute() == .parked(until: .start + .seconds(15)))
    }

    @Test("parallel branches whose recorded steps are met in another order fit")
    func parallelOrder() async {
        let store = store(
            .test { step in
                async let a = step.run("a") { 0 }
                async let b = step.run("b") { 0 }
                async let c: Int = {
                    let first = try await step.run("c1") { 0 }
                    return try await step.run("c2") { first + 5 }
                }()
                return try await a + b + c
            }, memo: [memo("c1", at: .seconds(3)), memo("b", at: .seconds(2)), memo("a", at: .seconds(1))])

        #expect(await store.runToEnd() == .completed(output: "8"))
    }

    @Test("a mismatch among parallel branches is told after some patience")
    func parallelMismatch() async {
        let store = store(
            .test { step in
                async let a = step.run("a") { 0 }
                async let b = step.run("b") { 0 }
                return try await a + b
            }, memo: [memo("a"), memo("old")])

        #expect(await store.runToEnd()?.error?.code == RunError.Code.replayMismatch)
    }

    @Test("a memo that is no value of the step's type fails the run and names both")
    func otherType() async {
        let store = store(.test { step in try await step.run("a") { "text" } }, memo: [memo("a")])

        let error = await store.runToEnd()?.error

        #expect(error?.code == RunError.Code.replayMismatch)
        #expect(error?.message.contains("\"a\"") == true)
        #expect(error?.message.contains("String") == true)
    }

    @Test("a clock that was set back does not make a sleep wait again that steps were recorded after")
    func clockSetBack() async {
        let nap = RecordedStep(
            step: "nap", kind: .sleep, dueAt: .start + .seconds(50), startedAt: .start, endedAt: .start)
        let store = store(
            .test { step in
                try await step.sleep("nap", for: .seconds(50))
                return try await step.run("after") { 0 }
            }, memo: [nap, memo("after", at: .seconds(51))])
        store.now = .start + .seconds(10)

        #expect(await store.execute() == .ended(.completed(output: "1")))
    }
}
