import Foundation
import NightjarCore
import Testing

@Suite("Invoking functions", .timeLimit(.minutes(1)))
struct InvokeTests {
    private struct Order: Codable, Sendable {
        var id: Int
    }

    private struct Receipt: Codable, Sendable, Equatable {
        var total: Double
    }

    private let journal = Journal()

    /// Invokes a function, and reports how that ended, twice.
    private func invoking(timeout: Duration? = nil) -> RunStore {
        RunStore(
            .test { [journal] step in
                let result: String
                do {
                    let receipt = try await step.invoke(
                        "pay", "payment", app: "shop", with: Order(id: 5), as: Receipt.self, timeout: timeout,
                        cancelsWithParent: false)
                    result = "\(receipt.total)"
                } catch let error as StepError {
                    result = "\(error.stepID) \(error.name) \(error.code ?? "-") \(error.message)"
                }
                journal.note(result)
                try await step.sleep("nap", for: .seconds(5))
                return result
            })
    }

    @Test("an invocation parks the run as invoking, with all that the invoked run needs")
    func parks() async throws {
        let store = invoking(timeout: .seconds(30))

        #expect(await store.execute() == .parked(until: .start + .seconds(30)))

        let commit = try #require(store.commits.first)
        #expect(commit.next == .park(until: .start + .seconds(30), reason: .invoking))
        #expect(
            commit.openings == [
                OpenStep(
                    step: "pay", kind: .invoke,
                    invocation: Invocation(
                        app: "shop", function: "payment", dataJSON: #"{"id":5}"#, cancelsWithParent: false),
                    dueAt: .start + .seconds(30), startedAt: .start)
            ])
    }

    @Test("the definition of a function stands for its id in the same app, and no timeout for ten years")
    func definition() async {
        let child = FunctionDefinition.test { _ in 1 }
        let store = RunStore(.test { step in try await step.invoke("i", child, with: ["a": 1], as: Int.self) })

        _ = await store.execute()

        #expect(store.open.first?.invocation == Invocation(function: "test", dataJSON: #"{"a":1}"#))
        #expect(store.open.first?.invocation?.cancelsWithParent == true)
        #expect(store.open.first?.dueAt == .start + .seconds(10 * 365 * 86_400))
    }

    @Test("what the function returned is returned, and by every replay again")
    func result() async {
        let store = invoking()
        _ = await store.execute()
        store.arrive(Arrival(step: "pay", output: #"{"total":9.5}"#))

        #expect(await store.runToEnd() == .completed(output: #""9.5""#))
        #expect(journal.entries == ["9.5", "9.5"])
        #expect(store.memo.first?.kind == .invoke)
        #expect(store.violations.isEmpty)
    }

    @Test(
        "a function that failed, was cancelled or does not exist is an error of the step, in every replay",
        arguments: [
            RunError(name: "CardError", message: "declined"),
            RunError(name: "Cancelled", message: "by hand", code: RunError.Code.invokedCancelled),
            RunError(name: "UnknownFunction", message: "shop-payment", code: RunError.Code.unknownFunction),
        ])
    func failure(error: RunError) async throws {
        let store = invoking()
        _ = await store.execute()
        store.arrive(Arrival(step: "pay", error: error))

        _ = await store.runToEnd()

        let expected = "pay \(error.name) \(error.code ?? "-") \(error.message)"
        #expect(journal.entries == [expected, expected])
        let record = try #require(store.memo.first)
        #expect(record.status == .failed)
        #expect(record.error == error)
        #expect(!record.isWithdrawn)
    }

    @Test("a function that takes too long is an error of the step, in every replay")
    func timeout() async {
        let store = invoking(timeout: .seconds(30))

        _ = await store.runToEnd()

        #expect(journal.entries.count == 2)
        #expect(Set(journal.entries).count == 1)
        #expect(journal.entries.first?.hasPrefix("pay InvokeTimeout invoke_timeout function \"payment\"") == true)
        #expect(journal.entries.first?.contains("30.0 s") == true)
        #expect(store.memo.first?.endedAt == .start + .seconds(30))
    }

    @Test("a replay that knows no more than that a step has invoked something gets the same error")
    func timeoutInReplay() async {
        let store = invoking(timeout: .seconds(30))
        _ = await store.execute()
        store.change { $0.open[0].invocation = nil }

        _ = await store.runToEnd()

        #expect(
            journal.entries.first?.hasPrefix("pay InvokeTimeout invoke_timeout the function that it invoked") == true)
        #expect(store.memo.first?.status == .failed)
    }

    @Test("a function that lets the error through fails")
    func uncaught() async {
        let store = RunStore(.test { step in try await step.invoke("i", "f", with: ["a": 1], as: Int.self) })
        _ = await store.execute()
        store.arrive(Arrival(step: "i", error: RunError(name: "E", message: "no")))

        let error = await store.runToEnd()?.error

        #expect(error?.code == RunError.Code.stepFailed)
        #expect(store.attempts.isEmpty)
    }

    @Test("a result of another type fails the run and names the step")
    func otherType() async {
        let store = invoking()
        _ = await store.execute()
        store.arrive(Arrival(step: "pay", output: #"{"sum":1}"#))

        let error = await store.runToEnd()?.error

        #expect(error?.code == RunError.Code.replayMismatch)
        #expect(error?.message.contains("step \"pay\" invoked is no Receipt") == true)
    }

    @Test("an invocation whose branch is cancelled is withdrawn")
    func cancelled() async {
        let store = RunStore(
            .test { step in
                try await withThrowingTaskGroup(of: String.self) { group in
                    group.addTask {
                        do {
                            _ = try await step.invoke("i", "f", with: ["a": 1], as: Int.self)
                            return "returned"
                        } catch is CancellationError {
                            return "cancelled"
                        }
                    }
                    group.addTask {
                        try await step.sleep("limit", for: .seconds(5))
                        return "limit"
                    }
                    let first = try await group.next() ?? ""
                    group.cancelAll()
                    let second = try await group.next() ?? ""
                    try await step.run("after") {}
                    return "\(first),\(second)"
                }
            })

        #expect(await store.execute() == .parked(until: .start + .seconds(5)))
        #expect(store.open.map(\.step) == ["i"])
        #expect(await store.runToEnd() == .completed(output: #""limit,cancelled""#))
        #expect(store.memo.map(\.step) == ["limit", "i", "after"])
        #expect(store.memo.map(\.isWithdrawn) == [false, true, false])
        #expect(store.open.isEmpty)
    }
}
