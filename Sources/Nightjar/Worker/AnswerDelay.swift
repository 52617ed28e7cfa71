internal import Foundation

/// How much longer than the quickest ones an answer of the server was on its way. Pure.
///
/// What an answer says of the future counts from the server's moment, and that is a commit and a wake-up ago when it is
/// read: 1 ms of the 3.5 that a sleep ended late. Clocks of two machines tell only the differences between delays, so that
/// the quickest answer of the last minute counts as none: what is corrected is never too much.
struct AnswerDelay {
    typealias Instant = ContinuousClock.Instant

    private static let period = Duration.seconds(30)
    /// A clock that is set must not make somebody ask again and again too early.
    private static let limit = 0.005

    private let origin = Instant.now
    /// The smallest distance between the clocks seen in this period, and in the one before.
    private var lately = Double.infinity
    private var before = Double.infinity
    private var changeAt: Instant?

    /// - Parameters:
    ///   - server: the server's clock when it answered.
    ///   - now: when the answer was there.
    mutating func delay(answeredAt server: Date, now: Instant) -> Duration {
        if changeAt.map({ now >= $0 }) ?? true {
            (before, lately) = (lately, .infinity)
            changeAt = now + Self.period
        }
        let distance = (now - origin) / .seconds(1) - server.timeIntervalSince1970
        lately = min(lately, distance)
        return .seconds(min(max(distance - min(lately, before), 0), Self.limit))
    }
}
