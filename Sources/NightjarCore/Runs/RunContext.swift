package import Foundation

/// All that an execution of a run starts from.
package struct RunContext: Sendable {
    package var runID: UUID
    /// The id of the function.
    package var function: String
    package var event: RecordedEvent
    /// The steps recorded so far, in the order in which they were recorded.
    package var memo: [RecordedStep]
    /// The failed attempts recorded so far; those of finished steps may be left out.
    package var attempts: [RecordedAttempt]
    /// The database's clock at the moment of the claim.
    package var now: Date
    /// The database's clock at the run's first claim; the run's timeout counts from here.
    package var startedAt: Date

    package init(
        runID: UUID, function: String, event: RecordedEvent, memo: [RecordedStep] = [],
        attempts: [RecordedAttempt] = [], now: Date, startedAt: Date
    ) {
        self.runID = runID
        self.function = function
        self.event = event
        self.memo = memo
        self.attempts = attempts
        self.now = now
        self.startedAt = startedAt
    }
}
