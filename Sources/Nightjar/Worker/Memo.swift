internal import Foundation
internal import NightjarCore
internal import PostgresClient

/// What a run has recorded: its finished steps and its failed attempts.
struct Memo: Sendable {
    var steps: [RecordedStep] = []
    var attempts: [RecordedAttempt] = []

    /// Reads the memos of runs that the caller leases. See `memo.sql`.
    static func read(_ db: PostgresConnection, of runs: [UUID]) throws -> [UUID: Memo] {
        var memos: [UUID: Memo] = [:]
        for row in try db.query(Statement.memo.sql, [runs]) {
            let run = try row.decode(0, as: UUID.self)
            let step = try row.decode(1, as: String.self)
            let attempt = Int(try row.decode(4, as: Int16.self))
            let error = try row.decode(6, as: PostgresJSON?.self).map { try $0.decode(RunError.self) }
            let (startedAt, endedAt) = (try row.decode(8, as: Date.self), try row.decode(9, as: Date.self))
            if try row.decode(10, as: Bool.self) {
                memos[run, default: Memo()].attempts.append(
                    RecordedAttempt(
                        step: step, attempt: attempt, error: error ?? RunError(name: "Error", message: "unknown"),
                        retryAt: try row.decode(7), startedAt: startedAt, endedAt: endedAt))
                continue
            }
            guard let kind = StepKind(rawValue: try row.decode(2)) else {
                throw NightjarError(
                    .schemaTooNew, "run \(run) has a step \"\(step)\" of a kind that only a newer Nightjar knows")
            }
            memos[run, default: Memo()].steps.append(
                RecordedStep(
                    step: step, kind: kind, status: try row.decode(3) ? .failed : .completed,
                    output: try row.decode(5, as: PostgresJSON?.self)?.text, error: error, dueAt: try row.decode(7),
                    startedAt: startedAt, endedAt: endedAt, attempt: attempt))
        }
        return memos
    }
}
