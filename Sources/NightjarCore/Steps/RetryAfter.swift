public import Foundation

/// Throw it from a step or a function to choose when the next attempt takes place.
///
/// It takes the place of the back-off, not of the number of attempts. More than 24 hours ahead counts as 24 hours.
public struct RetryAfter: Error, CustomStringConvertible {
    /// When to try again.
    public let time: Time
    /// The error behind it.
    public let cause: (any Error)?

    /// A moment, or a time from the failure on.
    public enum Time: Sendable, Hashable {
        case delay(Duration)
        case date(Date)
    }

    /// The longest time until the next attempt.
    public static let longestDelay = Duration.seconds(24 * 3600)

    /// Asks for the next attempt so long after this one's end.
    public init(_ delay: Duration, cause: (any Error)? = nil) {
        self.time = .delay(delay)
        self.cause = cause
    }

    /// Asks for the next attempt at `date`.
    public init(_ date: Date, cause: (any Error)? = nil) {
        self.time = .date(date)
        self.cause = cause
    }

    /// The error in one line.
    public var description: String { runError.message }

    var runError: RunError {
        cause.map { RunError($0) } ?? RunError(name: "RetryAfter", message: "asked to be tried again later")
    }

    func date(from now: Date) -> Date {
        let longest = now.addingTimeInterval(Self.longestDelay.seconds)
        return switch time {
        case .delay(let delay): min(now.addingTimeInterval(max(delay, .zero).seconds), longest)
        case .date(let date): min(max(date, now), longest)
        }
    }
}
