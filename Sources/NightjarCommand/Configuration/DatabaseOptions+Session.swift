import Logging
import Nightjar

extension DatabaseOptions {
    /// Lends a connection for one piece of work.
    func withSession<T: Sendable>(
        _ command: String, tenant: String? = nil, _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        let session = PostgresSession(try database().named(command), logger: .quiet)
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
