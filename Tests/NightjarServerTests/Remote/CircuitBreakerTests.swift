import Testing

@testable import NightjarServer

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    private let start = ContinuousClock.now

    @Test("Five failures in a row open it; a success between starts the count anew")
    func opens() {
        var breaker = CircuitBreaker()
        for _ in 0..<4 { #expect(breaker.failed(at: start) == nil) }
        #expect(breaker.succeeded() == nil)
        for _ in 0..<4 { #expect(breaker.failed(at: start) == nil) }
        #expect(breaker.failed(at: start) == .opened(until: start + .seconds(1)))
    }

    @Test("What was under way when it opened changes nothing; each trial that fails doubles the time up to 30 s")
    func doubles() {
        var breaker = CircuitBreaker()
        for _ in 0..<5 { _ = breaker.failed(at: start) }
        #expect(breaker.failed(at: start + .milliseconds(999)) == nil)
        var now = start
        for delay in [2, 4, 8, 16, 30, 30] {
            now += .seconds(60)
            #expect(breaker.failed(at: now) == .opened(until: now + .seconds(delay)))
            #expect(breaker.failed(at: now) == nil)
        }
        #expect(breaker.succeeded() == .closed)
        #expect(breaker.succeeded() == nil)
        #expect(breaker.failed(at: now) == nil)
    }
}
