package import Foundation
internal import PostgresClient

/// A cancellation policy of a function, as the database knows it.
package struct CancelPolicyRecord: Sendable {
    package var id: Int
    /// The cancelling event's name, or a wildcard.
    package var event: String
    /// Which of these events, as the author of the function wrote it, such as `match data.postID`; nil: every one, or,
    /// where there are paths, those in which the values at both are equal.
    package var match: String?
    /// Where the run's own event holds the value that is compared first, such as `data.postID`; see migration 0006.
    package var triggerPath: [String]
    /// Where the cancelling event must hold an equal one.
    package var eventPath: [String]
    /// For how long from the run's creation on it listens; nil: as long as the run lives.
    package var timeout: Duration?
    /// Until when it listens, whichever run's it is.
    package var until: Date?
    /// When it stops listening for the run that it was read for, by one or the other.
    package var listensUntil: Date?
    /// What its author was warned of.
    package var warning: String?

    init(_ row: PostgresRow) throws {
        id = try row.decode("policy_id")
        event = try row.decode("event")
        match = try row.decode("text")
        triggerPath = try row.decode("trigger_path")
        eventPath = try row.decode("event_path")
        timeout = try row.decode("timeout")
        until = try row.decode("until")
        listensUntil = try row.decode("listens_until")
        warning = try row.decode("warning")
    }
}
