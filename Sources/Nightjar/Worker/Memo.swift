internal import Foundation
internal import NightjarCore
internal import PostgresClient

/// What a run has recorded: its finished steps, its failed attempts, and the steps that wait for something from outside.
struct Memo: Sendable {
    var steps: [RecordedStep] = []
    var attempts: [RecordedAttempt] = []
    var open: [OpenStep] = []
    /// What has come for the open ones.
    var arrivals: [Arrival] = []

    /// Why it cannot be read, if it cannot.
    var problem: String?

    /// Reads the memos of runs that the caller leases. See `memo.sql`.
    static func read(_ db: PostgresConnection, of runs: [UUID]) throws -> [UUID: Memo] {
        var memos: [UUID: Memo] = [:]
        for row in try db.query(Statement.memo.sql, [runs]) {
            let run = try row.decode(0, as: UUID.self)
            do {
                try memos[run, default: Memo()].add(row)
            } catch {
                memos[run, default: Memo()].problem = "what this run has recorded cannot be read: \(error)"
            }
        }
        return memos
    }

    private mutating func add(_ row: PostgresRow) throws {
        let step = try row.decode(1, as: String.self)
        let attempt = Int(try row.decode(4, as: Int16.self))
        let error = try row.decode(6, as: PostgresJSON?.self).map { try $0.decode(RunError.self) }
        let (startedAt, endedAt) = (try row.decode(8, as: Date.self), try row.decode(9, as: Date.self))
        if try row.decode(10, as: Int32.self) == 2 {
            attempts.append(
                RecordedAttempt(
                    step: step, attempt: attempt, error: error ?? RunError(name: "Error", message: "unknown"),
                    retryAt: try row.decode(7), startedAt: startedAt, endedAt: endedAt))
            return
        }
        guard let kind = StepKind(rawValue: try row.decode(2)) else {
            throw NightjarError(.schemaTooNew, "step \"\(step)\" is of a kind that only a newer Nightjar knows")
        }
        if try row.decode(10, as: Int32.self) == 3 {
            // What is known to the database already: a replay neither matches nor starts anything again. Whoever waited too
            // long is told for what.
            let invocation = try row.decode(12, as: String?.self).map { Invocation(function: $0, dataJSON: "{}") }
            open.append(
                OpenStep(
                    step: step, name: try row.decode(13), kind: kind, invocation: invocation, dueAt: try row.decode(7),
                    startedAt: startedAt))
            if try row.decode(11, as: Bool.self) {
                arrivals.append(
                    Arrival(step: step, output: try row.decode(5, as: PostgresJSON?.self)?.text, error: error))
            }
            return
        }
        steps.append(
            RecordedStep(
                step: step, name: try row.decode(13), kind: kind, status: try row.decode(3) ? .failed : .completed,
                output: try row.decode(5, as: PostgresJSON?.self)?.text, error: error, dueAt: try row.decode(7),
                startedAt: startedAt, endedAt: endedAt, attempt: attempt))
    }
}
