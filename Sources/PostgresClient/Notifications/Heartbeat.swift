/// Decides when to ask a silent peer whether it is still there, and when to give it up. No clock, no I/O.
struct Heartbeat {
    enum Step: Equatable {
        case wait(Duration)
        case ping
        case giveUp
    }

    private let interval: Duration
    private let patience: Duration
    private var lastSign: ContinuousClock.Instant
    private var pingedAt: ContinuousClock.Instant?

    /// - Parameters:
    ///   - interval: How long the peer may be silent before it is asked.
    ///   - patience: How long the answer may take.
    init(interval: Duration, patience: Duration, now: ContinuousClock.Instant) {
        self.interval = interval
        self.patience = patience
        lastSign = now
    }

    var isWaitingForAnswer: Bool { pingedAt != nil }

    func step(now: ContinuousClock.Instant) -> Step {
        if let pingedAt {
            let deadline = max(pingedAt, lastSign) + patience
            return now < deadline ? .wait(deadline - now) : .giveUp
        }
        let next = lastSign + interval
        return now < next ? .wait(next - now) : .ping
    }

    mutating func pinged(now: ContinuousClock.Instant) {
        pingedAt = now
    }

    /// Anything that arrives is a sign of life, but only the answer itself allows the next ping.
    mutating func heard(now: ContinuousClock.Instant) {
        lastSign = now
    }

    mutating func answered(now: ContinuousClock.Instant) {
        lastSign = now
        pingedAt = nil
    }
}
