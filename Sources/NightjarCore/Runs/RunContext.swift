package import Foundation

/// All that an execution of a run starts from.
package struct RunContext: Sendable {
    package var runID: UUID
    /// The name of the tenant that the run is for.
    package var tenant: String
    /// The number of that tenant.
    package var tenantID: Int
    /// The id of the function.
    package var function: String
    package var event: RecordedEvent
    /// All events that the run was started for, the first included. More than one only in a batch.
    package var events: [RecordedEvent]
    /// The steps recorded so far, in the order in which they were recorded.
    package var memo: [RecordedStep]
    /// The failed attempts recorded so far; those of finished steps may be left out.
    package var attempts: [RecordedAttempt]
    /// The waits and invocations that have begun and whose end is not recorded.
    package var open: [OpenStep]
    /// What has come for them.
    package var arrivals: [Arrival]
    /// How many arrivals the run has been told of so far, these included.
    package var mail: Int
    /// What ``RunCommit/remoteState`` last said; 0 at first.
    package var remoteState: Int16
    /// The database's clock at the moment of the claim.
    package var now: Date
    /// The database's clock at the run's first claim.
    package var startedAt: Date

    package init(
        runID: UUID, tenant: String = "default", tenantID: Int = 1, function: String,
        event: RecordedEvent, events: [RecordedEvent]? = nil, memo: [RecordedStep] = [],
        attempts: [RecordedAttempt] = [], open: [OpenStep] = [], arrivals: [Arrival] = [], mail: Int = 0,
        remoteState: Int16 = 0, now: Date, startedAt: Date
    ) {
        self.runID = runID
        self.tenant = tenant
        self.tenantID = tenantID
        self.function = function
        self.event = event
        self.events = events ?? [event]
        self.memo = memo
        self.attempts = attempts
        self.open = open
        self.arrivals = arrivals
        self.mail = mail
        self.remoteState = remoteState
        self.now = now
        self.startedAt = startedAt
    }
}
