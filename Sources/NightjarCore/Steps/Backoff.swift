/// How long to wait between the attempts of something that fails.
public enum Backoff: Codable, Sendable, Hashable {
    /// 15 s, 30 s, 1 min, 2 min, 5 min, 10 min, 20 min, 40 min, 1 h, then 2 h each.
    case standard
    /// The same time before every attempt.
    case constant(Duration)
    /// `initial`, then `factor` times as long before each further attempt, but never longer than `maximum`.
    case exponential(initial: Duration, factor: Double = 2, maximum: Duration = .seconds(7200))

    private static let table: [Duration] = [15, 30, 60, 120, 300, 600, 1200, 2400, 3600, 7200].map { .seconds($0) }

    func delay(afterAttempt attempt: Int) -> Duration {
        switch self {
        case .standard:
            return Self.table[min(max(attempt, 1), Self.table.count) - 1]
        case .constant(let delay):
            return delay
        case .exponential(let initial, let factor, let maximum):
            var delay = initial
            for _ in 1..<max(attempt, 1) {
                guard delay < maximum else { break }
                // Beyond this the multiplication could overflow, and the maximum is reached anyway.
                guard delay / maximum < 1 / factor else { return maximum }
                delay *= factor
            }
            return min(delay, maximum)
        }
    }

    var problem: String? {
        switch self {
        case .standard:
            nil
        case .constant(let delay):
            delay < .zero ? "the delay of retries must not be negative" : nil
        case .exponential(let initial, let factor, let maximum):
            if initial <= .zero || maximum < initial {
                "an exponential back-off needs 0 < initial ≤ maximum"
            } else if !(factor >= 1 && factor.isFinite) {
                "the factor of an exponential back-off must be at least 1; it is \(factor)"
            } else {
                nil
            }
        }
    }
}

extension Duration {
    fileprivate static func *= (duration: inout Duration, factor: Double) {
        duration = duration * factor
    }

    /// Seconds, with fraction.
    var seconds: Double {
        Double(components.seconds) + Double(components.attoseconds) * 1e-18
    }
}
