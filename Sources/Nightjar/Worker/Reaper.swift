internal import Foundation
internal import Logging
internal import PostgresClient

/// Hands back what sessions held that fell silent.
struct Reaper: Sendable {
    let pool: PostgresPool
    let metrics: WorkerMetrics
    let logger: Logger
    /// A run fails instead of being handed back when this many workers in a row died with it.
    let deathLimit: Int
    var batchLimit = 500

    /// Reaps until no dead session holds a run that is free to take. Answers how many runs others may now claim.
    func reap() async throws -> Int {
        let dead = try await pool.withConnection { db in
            try db.query(Statement.markDead.sql).map {
                (id: try $0.decode(0, as: UUID.self), name: try $0.decode(1, as: String.self))
            }
        }
        for session in dead {
            logger.warning(
                "a worker died: its runs go to others",
                metadata: [LogKey.session: "\(session.id)", LogKey.name: "\(session.name)"])
        }
        var total = 0
        while true {
            let (back, failed) = try await pool.withConnection { [batchLimit, deathLimit] db in
                let row = try db.query(Statement.reap.sql, [Int32(batchLimit), Int32(deathLimit)])[0]
                return (Int(try row.decode(0, as: Int64.self)), Int(try row.decode(1, as: Int64.self)))
            }
            if failed > 0 {
                logger.error("runs failed: each worker that executed them died", metadata: [LogKey.count: "\(failed)"])
            }
            total += back
            if back + failed > 0 { metrics.reaped(back + failed) }
            if back + failed < batchLimit { return total }
        }
    }
}
