import NightjarCore
import Testing

@Suite("Retry policies")
struct RetryPolicyTests {
    @Test(
        "the standard back-off is a table",
        arguments: zip(1...12, [15, 30, 60, 120, 300, 600, 1200, 2400, 3600, 7200, 7200, 7200]))
    func standard(attempt: Int, seconds: Int) {
        let policy = RetryPolicy()

        #expect(policy.delay(afterAttempt: attempt, random: 0) == .seconds(seconds))
        #expect(policy.delay(afterAttempt: attempt, random: 0.5) == .seconds(seconds + 15))
    }

    @Test("the default is four retries; a number is a policy")
    func defaults() {
        #expect(RetryPolicy().maxRetries == 4)
        #expect(RetryPolicy().jitter == .seconds(30))
        #expect((2 as RetryPolicy) == RetryPolicy(maxRetries: 2))
    }

    @Test("a constant back-off does not change and has no jitter unless set")
    func constant() {
        let policy = RetryPolicy(maxRetries: 3, backoff: .constant(.seconds(5)))

        #expect(policy.delay(afterAttempt: 1, random: 0.9) == .seconds(5))
        #expect(policy.delay(afterAttempt: 20, random: 0.9) == .seconds(5))
    }

    @Test("an exponential back-off grows up to its maximum and never overflows")
    func exponential() {
        let policy = RetryPolicy(backoff: .exponential(initial: .seconds(1), factor: 3, maximum: .seconds(20)))

        #expect((1...5).map { policy.delay(afterAttempt: $0, random: 0) } == [1, 3, 9, 20, 20].map { .seconds($0) })
        let huge = RetryPolicy(backoff: .exponential(initial: .seconds(1), factor: 1e300, maximum: .seconds(100)))
        #expect(huge.delay(afterAttempt: 1_000, random: 0) == .seconds(100))
    }
}
