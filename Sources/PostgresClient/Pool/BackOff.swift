/// How long to wait between attempts: doubling up to a limit, with a random part so that clients spread out.
struct BackOff {
    var initial: Duration
    var maximum: Duration
    /// The part of the delay that is random: 0 is none, 1 is all of it.
    var jitter: Double
    private var failures = 0

    init(initial: Duration, maximum: Duration, jitter: Double) {
        self.initial = initial
        self.maximum = maximum
        self.jitter = min(max(jitter, 0), 1)
    }

    /// The delay after one more failure.
    ///
    /// - Parameter random: A number from 0 up to 1.
    mutating func failed(random: Double) -> Duration {
        // Thirty doublings are beyond any maximum that makes sense, and safe from overflow.
        let full = min(maximum, initial * (1 << min(failures, 30)))
        failures += 1
        return full * (1 - jitter * random)
    }

    mutating func succeeded() {
        failures = 0
    }
}
