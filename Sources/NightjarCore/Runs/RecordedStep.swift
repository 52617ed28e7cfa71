package import Foundation

/// What a step does; the number is what is stored.
package enum StepKind: Int16, Codable, Sendable, CaseIterable {
    case run = 1
    case sleep = 2
    case sendEvent = 3
    case waitForEvent = 4
    case invoke = 5
}

/// How a recorded step ended; the number is what is stored.
package enum StepStatus: Int16, Codable, Sendable, CaseIterable {
    case completed = 1
    case failed = 2
}

/// The memo of a step: what a replay gets instead of executing it.
package struct RecordedStep: Sendable, Hashable {
    /// The step's key: its id, with `:1`, `:2` … for the second, third … use of an id in a run.
    package var step: String
    package var kind: StepKind
    package var status: StepStatus
    /// JSON text; nil for sleeps and failures.
    package var output: String?
    package var error: RunError?
    /// When a sleep ends.
    package var dueAt: Date?
    package var startedAt: Date
    package var endedAt: Date
    /// Which attempt ended the step, from 1.
    package var attempt: Int

    package init(
        step: String, kind: StepKind, status: StepStatus = .completed, output: String? = nil,
        error: RunError? = nil, dueAt: Date? = nil, startedAt: Date, endedAt: Date, attempt: Int = 1
    ) {
        self.step = step
        self.kind = kind
        self.status = status
        self.output = output
        self.error = error
        self.dueAt = dueAt
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.attempt = attempt
    }
}

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
