/// How often a failing step or function is tried again, and how long it waits in between.
public struct RetryPolicy: Codable, Sendable, Hashable {
    /// How many attempts may follow the first one: 0 to 20.
    public var maxRetries: Int
    /// How long to wait before each of them.
    public var backoff: Backoff
    /// Up to this much is added to each wait at random, so that failures that coincide do not return together.
    public var jitter: Duration

    /// The largest number of retries.
    public static let mostRetries = 20

    /// Makes a policy.
    ///
    /// - Parameters:
    ///   - maxRetries: How many attempts may follow the first: 0 to 20; more is reported when the function is registered.
    ///   - backoff: How long to wait before each of them.
    ///   - jitter: The largest random addition; 30 s for the standard back-off and none otherwise, when nil.
    public init(maxRetries: Int = 4, backoff: Backoff = .standard, jitter: Duration? = nil) {
        self.maxRetries = maxRetries
        self.backoff = backoff
        self.jitter = jitter ?? (backoff == .standard ? .seconds(30) : .zero)
    }

    /// Fails at once.
    public static let never = RetryPolicy(maxRetries: 0)

    /// Returns how long to wait after a failed attempt.
    ///
    /// - Parameters:
    ///   - attempt: The number of the failed attempt, from 1.
    ///   - random: From 0 up to but not including 1: how much of the jitter to add.
    public func delay(afterAttempt attempt: Int, random: Double) -> Duration {
        backoff.delay(afterAttempt: attempt) + jitter * random
    }

    /// Returns what is wrong with the policy, nil when nothing is.
    var problem: String? {
        guard (0...Self.mostRetries).contains(maxRetries) else {
            return "maxRetries is \(maxRetries); it must be 0 to \(Self.mostRetries)"
        }
        if jitter < .zero { return "the jitter of retries must not be negative" }
        return backoff.problem
    }
}

extension RetryPolicy: ExpressibleByIntegerLiteral {
    /// Makes a policy of so many retries with the standard back-off.
    public init(integerLiteral value: Int) { self.init(maxRetries: value) }
}
