package import Foundation

/// What an execution wants recorded, all of it or nothing.
package struct RunCommit: Sendable, Hashable {
    /// The steps that ended and the sleeps that began, in this order.
    package var steps: [RecordedStep]
    package var attempts: [RecordedAttempt]
    /// The events that `sendEvent` steps among `steps` send; each has an id.
    package var events: [NewEvent]
    package var next: Next

    package init(
        steps: [RecordedStep] = [], attempts: [RecordedAttempt] = [], events: [NewEvent] = [], next: Next
    ) {
        self.steps = steps
        self.attempts = attempts
        self.events = events
        self.next = next
    }
}

/// What happens to the run after a commit.
package enum Next: Sendable, Hashable {
    /// It goes on; the lease stays.
    case keep
    /// It leaves the process and is to be claimed again at `until`.
    case park(until: Date, reason: ParkReason)
    case end(Outcome)
}

/// What a parked run waits for; the number is what is stored.
package enum ParkReason: Int16, Codable, Sendable, CaseIterable {
    case sleeping = 1
    case retrying = 2
}
