internal import PostgresClient

/// A cancellation policy of a function, as the database knows it.
package struct CancelPolicyRecord: Sendable {
    package var id: Int
    /// The cancelling event's name, or a wildcard.
    package var event: String
    /// Where the run's own event holds the value, such as `data.postID`; empty: any event of the name cancels.
    package var triggerPath: [String]
    /// Where the cancelling event must hold an equal one.
    package var eventPath: [String]

    init(_ row: PostgresRow) throws {
        id = try row.decode("policy_id")
        event = try row.decode("event")
        triggerPath = try row.decode("trigger_path")
        eventPath = try row.decode("event_path")
    }
}
