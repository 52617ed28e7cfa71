import Testing

@testable import PostgresClient

@Suite("The listener's heartbeat")
struct HeartbeatTests {
    @Test("silence leads to a ping, no answer to giving up")
    func silence() {
        let start = ContinuousClock.now
        var heartbeat = Heartbeat(interval: .seconds(10), patience: .seconds(3), now: start)
        #expect(heartbeat.step(now: start + .seconds(4)) == .wait(.seconds(6)))
        #expect(heartbeat.step(now: start + .seconds(10)) == .ping)
        heartbeat.pinged(now: start + .seconds(10))
        #expect(heartbeat.step(now: start + .seconds(11)) == .wait(.seconds(2)))
        #expect(heartbeat.step(now: start + .seconds(13)) == .giveUp)
    }

    @Test("whatever arrives puts off the ping, and the end of patience")
    func signs() {
        let start = ContinuousClock.now
        var heartbeat = Heartbeat(interval: .seconds(10), patience: .seconds(3), now: start)
        heartbeat.heard(now: start + .seconds(9))
        #expect(heartbeat.step(now: start + .seconds(10)) == .wait(.seconds(9)))
        heartbeat.pinged(now: start + .seconds(19))
        heartbeat.heard(now: start + .seconds(21))
        #expect(heartbeat.isWaitingForAnswer)
        #expect(heartbeat.step(now: start + .seconds(22)) == .wait(.seconds(2)))
        heartbeat.answered(now: start + .seconds(22))
        #expect(!heartbeat.isWaitingForAnswer)
        #expect(heartbeat.step(now: start + .seconds(22)) == .wait(.seconds(10)))
    }
}
