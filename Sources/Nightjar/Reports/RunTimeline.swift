package import Foundation
internal import PostgresClient

/// All that is known of one run.
package struct RunTimeline: Sendable {
    package var run: RunRecord
    /// The event that started it; nil when retention has removed it.
    package var event: EventRecord?
    /// What it recorded, in order of time.
    package var steps: [StepRecord]
    /// The steps that wait for something from outside.
    package var openSteps: [OpenStepRecord]
    /// The event that cancelled it, if one did.
    package var cancellingEvent: EventRecord?
    /// The policy under which that event did.
    package var policy: CancelPolicyRecord?
    /// What of it was executing when it was cancelled; nil: nothing.
    package var interruption: InterruptionRecord?
    /// While it has not ended: the policies under which it may be cancelled.
    package var policies: [CancelPolicyRecord]
    /// While it has not ended: who executes it.
    package var lease: LeaseRecord?
    /// The runs that repeat it, the oldest first.
    package var reruns: [UUID]

    static func read(_ db: PostgresConnection, run id: UUID) throws -> RunTimeline? {
        guard let run = try RunRecord.read(db, where: "r.run_id = $1", [id], limit: 1).first else { return nil }
        return RunTimeline(
            run: run,
            event: try EventRecord.read(db, eventID: run.eventID),
            steps: try db.query(Statement.reportSteps.sql, [id]).map(StepRecord.init),
            openSteps: try db.query(Statement.reportOpenSteps.sql, [id]).map(OpenStepRecord.init),
            cancellingEvent: try run.cause?.eventID.flatMap { try EventRecord.read(db, eventID: $0) },
            policy: try run.cause?.policyID.flatMap {
                try db.query(Statement.reportPolicy.sql, [$0, id]).first.map(CancelPolicyRecord.init)
            },
            interruption: try db.query(Statement.reportInterruption.sql, [id]).first.map(InterruptionRecord.init),
            policies: try db.query(Statement.reportCancelling.sql, [id]).map(CancelPolicyRecord.init),
            lease: try db.query(Statement.reportLease.sql, [id]).first.map(LeaseRecord.init),
            reruns: try db.query(Statement.reportReruns.sql, [id, run.eventID]).map { try $0.decode(0) })
    }
}
