internal import Foundation
internal import PostgresClient

/// All that is known of one run.
package struct RunTimeline: Sendable {
    package var run: RunRecord
    /// The event that started it; nil when retention has removed it.
    package var event: EventRecord?
    /// What it recorded, in order of time.
    package var steps: [StepRecord]
    /// The event that cancelled it, if one did.
    package var cancellingEvent: EventRecord?
    /// The policy under which that event did.
    package var policy: CancelPolicyRecord?
    /// While it has not ended: the policies under which it may be cancelled.
    package var policies: [CancelPolicyRecord]
    /// While it has not ended: who executes it.
    package var lease: LeaseRecord?

    static func read(_ db: PostgresConnection, run id: UUID) throws -> RunTimeline? {
        guard let run = try RunRecord.read(db, where: "r.run_id = $1", [id], limit: 1).first else { return nil }
        return RunTimeline(
            run: run,
            event: try EventRecord.read(db, eventID: run.eventID),
            steps: try db.query(Statement.reportSteps.sql, [id]).map(StepRecord.init),
            cancellingEvent: try run.cause?.eventID.flatMap { try EventRecord.read(db, eventID: $0) },
            policy: try run.cause?.policyID.flatMap {
                try db.query(Statement.reportPolicy.sql, [$0]).first.map(CancelPolicyRecord.init)
            },
            policies: try db.query(Statement.reportCancelling.sql, [id]).map(CancelPolicyRecord.init),
            lease: try db.query(Statement.reportLease.sql, [id]).first.map(LeaseRecord.init))
    }
}

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
