internal import Foundation
internal import Logging
internal import PostgresClient

/// Applies committed cancels to the runs that they match, in short transactions of its own, and tells whoever executes
/// one of them.
struct CancelApplier: Sendable {
    let pool: PostgresPool
    let executions: Executions
    let hints: HintSender
    let metrics: WorkerMetrics
    let logger: Logger
    /// How many pending rows one transaction takes, and how many runs of each: a transaction of about 20 ms.
    var eventLimit = 256
    var runLimit = 500

    private struct Round: Sendable {
        var ended: [(run: UUID, session: UUID?)]
        var reached: Int64?
        var stayed: Bool
    }

    /// Applies until nothing is pending, or only what somebody else holds. Answers whether something had to stay.
    func apply() async throws -> Bool {
        var after: Int64 = 0
        var stayed = false
        while true {
            let round = try await pool.withConnection { [after] db in try self.round(db, after: after) }
            stayed = stayed || round.stayed
            await tell(round.ended)
            // A full chunk of one event stays pending: go on with it before the next.
            if round.stayed, !round.ended.isEmpty { continue }
            guard let reached = round.reached else { return stayed }
            after = reached
        }
    }

    private func round(_ db: PostgresConnection, after: Int64) throws -> Round {
        var round = Round(ended: [], reached: nil, stayed: false)
        for row in try db.query(Statement.applyPending.sql, [Int32(eventLimit), Int32(runLimit), after]) {
            if let run = try row.decode(0, as: UUID?.self) {
                round.ended.append((run, try row.decode(1)))
            } else {
                round.reached = try row.decode(2)
                round.stayed = try row.decode(3)
            }
        }
        return round
    }

    private func tell(_ ended: [(run: UUID, session: UUID?)]) async {
        guard !ended.isEmpty else { return }
        metrics.cancelled(ended.count)
        logger.debug("runs cancelled", metadata: [LogKey.count: "\(ended.count)"])
        var away: [Hint] = []
        for case (let run, let session?) in ended {
            executions.cancel(run: run, session: session)
            away.append(.cancelled(session: session, run: run))
        }
        if !away.isEmpty { await hints.send(away) }
    }
}
