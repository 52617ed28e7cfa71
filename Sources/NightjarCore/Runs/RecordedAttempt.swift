package import Foundation

/// A failed attempt that is followed by another one.
package struct RecordedAttempt: Sendable, Hashable {
    /// The step's key, or the empty text for the function itself.
    package var step: String
    /// Counted from 1; never repeats for a step of a run.
    package var attempt: Int
    package var error: RunError
    package var retryAt: Date
    package var startedAt: Date
    package var endedAt: Date

    package init(step: String, attempt: Int, error: RunError, retryAt: Date, startedAt: Date, endedAt: Date) {
        self.step = step
        self.attempt = attempt
        self.error = error
        self.retryAt = retryAt
        self.startedAt = startedAt
        self.endedAt = endedAt
    }
}
