internal import Foundation
internal import PostgresClient

/// What there is to do, as the poll sees it.
struct Sight: Sendable {
    var ready: Bool
    var pending: Bool
    var dead: Bool
    var dueIn: Duration?

    /// See `look.sql`.
    static func look(_ db: PostgresConnection, queue: Int32) throws -> Sight {
        let row = try db.query(Statement.look.sql, [queue])[0]
        return Sight(
            ready: try row.decode(0), pending: try row.decode(1), dead: try row.decode(2), dueIn: try row.decode(3))
    }

    /// The leases of a session, as the database has them. See `held.sql`.
    static func leases(_ db: PostgresConnection, session: UUID) throws -> Set<Lease> {
        Set(
            try db.query(Statement.held.sql, [session]).map {
                Lease(run: try $0.decode(0), session: session, epoch: try $0.decode(1))
            })
    }
}
