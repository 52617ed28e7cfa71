package import Foundation

/// The memo of a step: what a replay gets instead of executing it.
package struct RecordedStep: Sendable, Hashable {
    /// The step's key: its id, with `:1`, `:2` … for the second, third … use of an id in a run.
    package var step: String
    /// What people call it, where that is not the key: steps of remote apps have hashes as keys.
    package var name: String?
    package var kind: StepKind
    package var status: StepStatus
    /// JSON text; nil for sleeps. Of a failure only in remote apps: the error as the app told it.
    package var output: String?
    package var error: RunError?
    /// When a sleep ends.
    package var dueAt: Date?
    package var startedAt: Date
    package var endedAt: Date
    /// Which attempt ended the step, from 1.
    package var attempt: Int

    package init(
        step: String, name: String? = nil, kind: StepKind, status: StepStatus = .completed, output: String? = nil,
        error: RunError? = nil, dueAt: Date? = nil, startedAt: Date, endedAt: Date, attempt: Int = 1
    ) {
        self.step = step
        self.name = name
        self.kind = kind
        self.status = status
        self.output = output
        self.error = error
        self.dueAt = dueAt
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.attempt = attempt
    }

    /// Whether it is a wait or invocation whose branch the function's code cancelled before anything came.
    package var isWithdrawn: Bool { status == .failed && error?.code == RunError.Code.withdrawn }
}
