internal import Foundation
internal import NightjarCore
internal import PostgresClient

/// A run as the claim answers it: the lease, the event that started it, and where it stands.
struct ClaimedRun: Sendable {
    var lease: Lease
    var tenant: Int32
    var functionID: Int32
    var pass: Int64
    var startedAt: Date
    /// The database's clock at the claim.
    var now: Date
    var event: RecordedEvent

    /// Was never leased before, so it has recorded nothing.
    var isFirst: Bool { lease.epoch == 1 }
}

/// What one claim brought.
struct Claim: Sendable {
    var runs: [ClaimedRun] = []
    /// How many runs were not leased because a committed event cancels them: apply what is pending, then claim again.
    var blocked = 0
    /// Runs that are leased and cannot be read, each with the reason. One of them must not keep the others from running.
    var unreadable: [(lease: Lease, reason: String)] = []

    var count: Int { runs.count + blocked + unreadable.count }

    /// Leases runs. See `claim.sql`.
    static func make(
        _ db: PostgresConnection, queue: Int32, functions: [Int32], session: UUID, limit: Int, low: Int64
    ) throws -> Claim {
        let rows = try db.query(Statement.claim.sql, [queue, session, Int32(limit), low, functions])
        var claim = Claim()
        claim.runs.reserveCapacity(rows.count)
        for row in rows {
            guard let epoch = try row.decode(1, as: Int32?.self) else {
                claim.blocked += 1
                continue
            }
            let lease = Lease(run: try row.decode(0), session: session, epoch: epoch)
            do {
                claim.runs.append(try ClaimedRun(row, lease))
            } catch {
                claim.unreadable.append((lease, "the event that started this run cannot be read: \(error)"))
            }
        }
        return claim
    }
}

extension ClaimedRun {
    fileprivate init(_ row: PostgresRow, _ lease: Lease) throws {
        self.init(
            lease: lease, tenant: try row.decode(2), functionID: try row.decode(3), pass: try row.decode(4),
            startedAt: try row.decode(5), now: try row.decode(6),
            event: RecordedEvent(
                id: try row.decode(7), name: try row.decode(8), dataJSON: try row.decode(9, as: PostgresJSON.self).text,
                userJSON: try row.decode(10, as: PostgresJSON?.self)?.text, timestamp: try row.decode(11)))
    }
}
