internal import Nightjar

/// For whom a server acts where no key says it, and which keys the database has.
struct ServerTenant: Sendable {
    /// The tenant of the server's connections.
    var id: Int32
    var hasEventKeys: Bool
    var hasSigningKeys: Bool

    /// - Throws: `NightjarError` when there is no such tenant; `PostgresError`.
    static func read(_ db: PostgresConnection) throws -> ServerTenant {
        let row = try db.query(Statement.serverTenant.sql)[0]
        let id = try row.decode("tenant", as: Int32.self)
        guard try row.decode("name", as: String?.self) != nil else {
            throw NightjarError(
                .configuration,
                "there is no tenant \(id), for which the setting nightjar.tenant has the server act; see 'nightjar tenant list'"
            )
        }
        return ServerTenant(
            id: id, hasEventKeys: try row.decode("has_event_keys"), hasSigningKeys: try row.decode("has_signing_keys"))
    }
}
