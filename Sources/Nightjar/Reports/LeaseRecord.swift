internal import PostgresClient

/// Who has the right to act for a run that has not ended.
package struct LeaseRecord: Sendable {
    /// How often it was claimed.
    package var epoch: Int
    /// How many workers died with it since it last parked.
    package var deaths: Int
    /// The worker that executes it, by name; nil when nobody does.
    package var worker: String?
    /// How long ago that worker's last heartbeat was.
    package var silentFor: Duration?
    /// Whether that worker counts as dead, so that the run is about to be handed to another.
    package var isDead: Bool

    init(_ row: PostgresRow) throws {
        epoch = try row.decode("epoch")
        deaths = try row.decode("deaths")
        worker = try row.decode("worker")
        silentFor = try row.decode("silent_for")
        isDead = try row.decode("dead")
    }
}
