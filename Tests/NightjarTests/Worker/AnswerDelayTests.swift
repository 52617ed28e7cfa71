import Foundation
import Testing

@testable import Nightjar

/// How long an answer was on its way: decided without a database and without a clock.
struct AnswerDelayTests {
    private let start = ContinuousClock.now
    private let server = Date(timeIntervalSince1970: 1_800_000_000)

    private func delay(_ delay: inout AnswerDelay, sent: Double, arrived: Double) -> Duration {
        delay.delay(
            answeredAt: server.addingTimeInterval(sent / 1_000),
            now: start + .microseconds(Int64(arrived * 1_000)))
    }

    @Test("The quickest answer counts as no delay, whatever the clocks say, and the others as what they took longer")
    func quickest() {
        var answers = AnswerDelay()
        #expect(delay(&answers, sent: 0, arrived: 2) == .zero)
        #expect(delay(&answers, sent: 10, arrived: 11) == .zero)
        let slow = delay(&answers, sent: 20, arrived: 23)
        #expect(abs(slow / .milliseconds(1) - 2) < 0.01)
    }

    @Test("A clock that was set corrects by 5 ms at most, and is forgotten within a minute")
    func jump() {
        var answers = AnswerDelay()
        _ = delay(&answers, sent: 0, arrived: 1)
        #expect(delay(&answers, sent: -60_000, arrived: 10) == .milliseconds(5))
        #expect(delay(&answers, sent: -29_900, arrived: 30_100) == .milliseconds(5))
        #expect(delay(&answers, sent: 200, arrived: 60_200) == .zero)
    }
}
