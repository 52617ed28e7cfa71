internal import Foundation
internal import PostgresClient

/// What there is to do, as the poll sees it.
struct Sight: Sendable {
    var ready: Bool
    var pending: Bool
    var dead: Bool
    var dueIn: Duration?

    /// The leases of the session that looked, and how many open steps of each run have been answered.
    var held: [Lease: Int]

    /// Until the time of some run is up.
    var expiresIn: Duration?
    /// Somebody listens to the ends of runs in general.
    var isHeard: Bool
    /// Runs that were cancelled under the session a while ago, and are not known to execute no more.
    var interrupted: [UUID]
    /// Events are gathered for runs that are to start later.
    var hasGathered: Bool
    /// The session that was to beat with the look lives.
    var hasBeaten: Bool
    /// New runs are ready below the bounds of the look.
    var below: Bool
    /// Runs wait for slots, or are blocked.
    var isLimited: Bool
    /// Runs may be there that are not bound by a limit that is younger than they.
    var hasUnbound: Bool

    /// See `look.sql`.
    static func look(
        _ db: PostgresConnection, queue: Int32, functions: [Int32], session: UUID?, beating: UUID? = nil,
        low: Int64 = .min, overdue: Duration? = nil, known: [UUID]? = nil
    ) throws -> Sight {
        let row = try db.query(Statement.look.sql, [queue, session, functions, beating, low, overdue, known])[0]
        let runs = try row.decode(4, as: [UUID]?.self) ?? []
        let epochs = try row.decode(5, as: [Int32]?.self) ?? []
        let mail = try row.decode(6, as: [Int32]?.self) ?? []
        return Sight(
            ready: try row.decode(0), pending: try row.decode(1), dead: try row.decode(2), dueIn: try row.decode(3),
            held: session.map { session in
                let leases = zip(runs, epochs).map { Lease(run: $0, session: session, epoch: $1) }
                return Dictionary(zip(leases, mail.map(Int.init))) { first, _ in first }
            } ?? [:],
            expiresIn: try row.decode(7), isHeard: try row.decode(8),
            interrupted: try row.decode(9, as: [UUID]?.self) ?? [], hasGathered: try row.decode(10),
            hasBeaten: try row.decode(11), below: try row.decode(12),
            isLimited: try row.decode(13), hasUnbound: try row.decode(14))
    }
}
