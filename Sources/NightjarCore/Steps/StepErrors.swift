public import Foundation

/// Throw it from a step or a function to fail at once, without further attempts.
public struct NonRetryableError: Error, CustomStringConvertible {
    /// What happened.
    public let message: String
    /// The error behind it.
    public let cause: (any Error)?

    /// Makes an error from a message and, if there is one, the error behind it.
    public init(_ message: String, cause: (any Error)? = nil) {
        self.message = message
        self.cause = cause
    }

    /// Wraps an error that another attempt cannot mend.
    public init(_ cause: any Error) {
        self.init(RunError(cause).message, cause: cause)
    }

    /// The error in one line.
    public var description: String { message }

    var runError: RunError {
        var error = cause.map { RunError($0) } ?? RunError(name: "NonRetryableError", message: message)
        error.message = ErrorText.storable(message)
        return error
    }
}

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

/// A step failed for good: its attempts are used up, or it threw ``NonRetryableError``.
///
/// Thrown by ``Step/run(_:retries:timeout:_:)`` at the first pass and at every replay alike, so it may be caught to
/// take another way. A function that lets it through fails.
public struct StepError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The step that failed; for the second, third … use of an id with `:1`, `:2` … after it.
    public let stepID: String
    /// The type of the error that its last attempt threw.
    public let name: String
    /// What that error says.
    public let message: String
    /// How many attempts were made.
    public let attempts: Int

    init(stepID: String, error: RunError, attempts: Int) {
        self.stepID = stepID
        self.name = error.name
        self.message = error.message
        self.attempts = attempts
    }

    /// The error in one line.
    public var description: String {
        "step \"\(stepID)\" failed after \(attempts == 1 ? "1 attempt" : "\(attempts) attempts"): \(name): \(message)"
    }

    var runError: RunError { RunError(name: name, message: description, code: RunError.Code.stepFailed) }
}

/// Private to the runtime: ends user code whose run leaves the process. Whatever that code does with it is ignored.
struct RunUnwinding: Error, CustomStringConvertible {
    var description: String { "the run leaves this process here and goes on, if it does, in a replay" }
}
