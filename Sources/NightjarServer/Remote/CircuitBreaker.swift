/// Notices that an app does not answer, so that it is left alone for a while. Knows no clock.
struct CircuitBreaker: Sendable {
    /// So many failures in a row open it.
    static let threshold = 5
    static let shortest = Duration.seconds(1)
    static let longest = Duration.seconds(30)

    enum Change: Sendable, Hashable {
        /// Nothing may be asked of the app until then, and then one thing.
        case opened(until: ContinuousClock.Instant)
        case closed
    }

    private var failures = 0
    private var open: (until: ContinuousClock.Instant, delay: Duration)?

    init() {}

    /// A call did not reach the app, or something answered that is no app.
    mutating func failed(at now: ContinuousClock.Instant) -> Change? {
        failures += 1
        if let open {
            // What was under way when it opened says nothing new.
            guard now >= open.until else { return nil }
            return opened(for: min(open.delay * 2, Self.longest), now)
        }
        return failures < Self.threshold ? nil : opened(for: Self.shortest, now)
    }

    /// The app answered, whatever it said.
    mutating func succeeded() -> Change? {
        failures = 0
        defer { open = nil }
        return open == nil ? nil : .closed
    }

    private mutating func opened(for delay: Duration, _ now: ContinuousClock.Instant) -> Change {
        open = (now + delay, delay)
        return .opened(until: now + delay)
    }
}
