import Logging
import Nightjar

extension DatabaseOptions {
    /// Lends a connection for one piece of work.
    /// - Parameter isLong: a statement may take as long as it takes.
    func withSession<T: Sendable>(
        _ command: String, tenant: String? = nil, isLong: Bool = false,
        _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        var configuration = try database().named(command)
        if isLong { configuration.settings["statement_timeout"] = "0" }
        let session = PostgresSession(configuration, logger: .quiet)
        do {
            let result = try await session.run { db in
                if let tenant {
                    guard
                        let id = try db.query("SELECT tenant_id FROM nightjar.tenants WHERE name = $1", [tenant]).first?
                            .decode(0, as: Int32.self)
                    else { throw CommandError(.notAsWanted, "there is no tenant \"\(tenant)\"") }
                    try db.query("SELECT set_config('nightjar.tenant', $1, false)", ["\(id)"])
                }
                return try body(db)
            }
            await session.close()
            return result
        } catch {
            await session.close()
            throw error
        }
    }
}
