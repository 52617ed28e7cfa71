internal import Foundation
internal import PostgresClient

/// What there is to do, as the poll sees it.
struct Sight: Sendable {
    var ready: Bool
    var pending: Bool
    var dead: Bool
    var dueIn: Duration?

    /// The leases of the session that looked.
    var held: Set<Lease>

    /// See `look.sql`.
    static func look(
        _ db: PostgresConnection, queue: Int32, functions: [Int32], session: UUID?
    ) throws -> Sight {
        let row = try db.query(Statement.look.sql, [queue, session, functions])[0]
        let runs = try row.decode(4, as: [UUID]?.self) ?? []
        let epochs = try row.decode(5, as: [Int32]?.self) ?? []
        return Sight(
            ready: try row.decode(0), pending: try row.decode(1), dead: try row.decode(2), dueIn: try row.decode(3),
            held: session.map { session in
                Set(zip(runs, epochs).map { Lease(run: $0, session: session, epoch: $1) })
            } ?? [])
    }
}
