package import Foundation

/// What an execution wants recorded, all of it or nothing.
package struct RunCommit: Sendable, Hashable {
    /// The steps that ended and the sleeps that began, in this order.
    package var steps: [RecordedStep]
    package var attempts: [RecordedAttempt]
    /// The events that `sendEvent` steps among `steps` send; each has an id.
    package var events: [NewEvent]
    /// The waits and invocations that began.
    package var openings: [OpenStep]
    /// How many arrivals the execution had been told of when it made the commit.
    ///
    /// The run may be parked only if there are no others; else it is ready again at once.
    package var mail: Int
    /// What the conversation with a remote app is to remember while the run is parked; nil: as it was.
    package var remoteState: Int16?
    package var next: Next

    package init(
        steps: [RecordedStep] = [], attempts: [RecordedAttempt] = [], events: [NewEvent] = [],
        openings: [OpenStep] = [], mail: Int = 0, remoteState: Int16? = nil, next: Next
    ) {
        self.steps = steps
        self.attempts = attempts
        self.events = events
        self.openings = openings
        self.mail = mail
        self.remoteState = remoteState
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
    /// For an event.
    case waiting = 3
    /// For the end of a run that it started.
    case invoking = 4
}
