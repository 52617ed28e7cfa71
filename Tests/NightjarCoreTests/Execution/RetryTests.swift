import Foundation
import NightjarCore
import Synchronization
import Testing

@Suite("Retries", .timeLimit(.minutes(1)))
struct RetryTests {
    private final class Attempts: Sendable {
        private let count = Mutex(0)
        func next() -> Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }

    @Test("a failing step is tried again after its back-off, and the run parks meanwhile")
    func stepRetries() async throws {
        let attempts = Attempts()
        let store = RunStore(
            .test { step in
                try await step.run("flaky") { () -> Int in
                    let number = attempts.next()
                    #expect(StepContext.current?.attempt == number)
                    if number < 3 { throw TestFailure() }
                    return number
                }
            })

        let first = await store.execute(random: 0.5)

        #expect(first == .parked(until: .start + .seconds(30)))
        let commit = try #require(store.commits.first)
        #expect(commit.next == .park(until: .start + .seconds(30), reason: .retrying))
        #expect(commit.attempts.map(\.attempt) == [1])
        #expect(commit.attempts.first?.error.name == "TestFailure")
        #expect(commit.attempts.first?.error.message == "it failed")

        #expect(await store.runToEnd() == .completed(output: "3"))
        #expect(store.attempts.map(\.attempt) == [1, 2])
        #expect(store.memo.map(\.attempt) == [3])
    }

    @Test("a step whose attempts are used up throws an error that may be caught, at the first pass and in replays")
    func exhausted() async {
        let store = RunStore(
            .test { step in
                do {
                    try await step.run("hopeless", retries: 1) { throw TestFailure() }
                    return "no error"
                } catch let error as StepError {
                    try await step.sleep("nap", for: .seconds(1))
                    return "\(error)"
                }
            })

        #expect(
            await store.runToEnd()
                == .completed(output: #""step \"hopeless\" failed after 2 attempts: TestFailure: it failed""#))
        #expect(store.memo.map(\.status) == [.failed, .completed])
        #expect(store.attempts.count == 1)
    }

    @Test("a step error that is not caught fails the run at once")
    func uncaughtStepError() async {
        let store = RunStore(.test { step in try await step.run("a", retries: .never) { throw TestFailure() } })

        let outcome = await store.runToEnd()

        #expect(outcome?.error?.code == RunError.Code.stepFailed)
        #expect(outcome?.error?.name == "TestFailure")
        #expect(store.commits.count == 1)
    }

    @Test("a non-retryable error fails its step without further attempts")
    func nonRetryable() async {
        let store = RunStore(
            .test { step in try await step.run("a") { throw NonRetryableError("card expired", cause: TestFailure()) } })

        let outcome = await store.runToEnd()

        #expect(outcome?.error?.message == #"step "a" failed after 1 attempt: TestFailure: card expired"#)
        #expect(store.attempts.isEmpty)
    }

    @Test("RetryAfter sets the next attempt, at most 24 hours ahead")
    func retryAfter() async {
        let attempts = Attempts()
        let store = RunStore(
            .test { step in
                try await step.run("limited") {
                    switch attempts.next() {
                    case 1: throw RetryAfter(.milliseconds(20), cause: TestFailure())
                    case 2: throw RetryAfter(Date.start + .seconds(100_000_000))
                    default: return
                    }
                }
                return 1
            })

        #expect(await store.execute() == .parked(until: .start + .milliseconds(20)))
        #expect(store.attempts.first?.error.name == "TestFailure")
        store.now = .start + .seconds(1)
        #expect(await store.execute() == .parked(until: .start + .seconds(1 + 24 * 3600)))
        #expect(await store.runToEnd() == .completed(output: "1"))
    }

    @Test("an error outside of steps has the function tried again, with its steps remembered")
    func functionRetries() async {
        let (attempts, bodies) = (Attempts(), Attempts())
        let store = RunStore(
            .test({ $0.retries(RetryPolicy(maxRetries: 2, backoff: .constant(.seconds(10)))) }) { step in
                let value = try await step.run("a") { bodies.next() }
                if attempts.next() < 3 { throw TestFailure() }
                return value
            })

        let first = await store.execute()

        #expect(first == .parked(until: .start + .seconds(10)))
        #expect(store.commits.first?.attempts.map(\.step) == [""])
        #expect(store.commits.first?.steps.map(\.step) == ["a"])

        #expect(await store.runToEnd() == .completed(output: "1"))
        #expect(store.attempts.map(\.attempt) == [1, 2])
    }

    @Test("a function whose attempts are used up fails with its own error")
    func functionExhausted() async {
        let store = RunStore(.test({ $0.retries(2) }) { _ -> Int in throw TestFailure() })

        #expect(await store.runToEnd()?.error == RunError(name: "TestFailure", message: "it failed"))
        #expect(store.attempts.count == 2)
        #expect(store.commits.count == 3)
    }

    @Test("a function that is claimed before its next attempt parks again without user code")
    func claimedTooEarly() async {
        let attempts = Attempts()
        let store = RunStore(
            .test { _ -> Int in
                _ = attempts.next()
                throw TestFailure()
            })

        _ = await store.execute()
        let second = await store.execute()

        #expect(second == .parked(until: .start + .seconds(15)))
        #expect(attempts.next() == 2)
    }

    @Test("a step that ends between two errors starts the count of the function's attempts again")
    func streak() async {
        let errors = Attempts()
        let store = RunStore(
            .test({ $0.retries(1) }) { step in
                for index in 1...3 {
                    try await step.run("s\(index)") {}
                    if errors.next() == index { throw TestFailure() }
                }
                return "done"
            })

        // Errors follow s1, in the replay s2, in the next one s3: one error in a row each time.
        #expect(await store.runToEnd() == .completed(output: "\"done\""))
        #expect(store.attempts.map(\.attempt) == [1])
    }

    @Test("an attempt that is due while other bodies are in flight takes place in this execution")
    func warmRetry() async {
        let clock = ManualClock()
        let (attempts, release) = (Attempts(), Signal())
        let store = RunStore(
            .test { step in
                async let other: Void = step.run("other") { await release.wait() }
                let value = try await step.run("flaky") { () -> Int in
                    if attempts.next() == 1 { throw TestFailure() }
                    release.fire()
                    return 1
                }
                try await other
                return value
            }, clock: clock.runClock)

        async let result = store.execute()
        await clock.waitForSleeper(until: .seconds(15))
        clock.advance(by: .seconds(15))

        #expect(await result == .ended(.completed(output: "1")))
        #expect(store.attempts.count == 1)
    }
}

extension Outcome {
    var error: RunError? {
        if case .failed(let error) = self { error } else { nil }
    }
}
