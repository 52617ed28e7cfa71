import Logging
import PostgresClient

/// Calls `body` with a session on the shared server.
func withSession<T>(
    _ change: (inout PostgresConfiguration) -> Void = { _ in },
    _ body: (PostgresSession) async throws -> T
) async throws -> T {
    var configuration = try await TestServer.configuration()
    change(&configuration)
    let session = PostgresSession(configuration, logger: .silent)
    do {
        let result = try await body(session)
        await session.close()
        return result
    } catch {
        await session.close()
        throw error
    }
}

/// Calls `body` with a pool on the shared server.
func withPool<T>(
    _ pool: PostgresPool.Configuration = .init(), _ body: (PostgresPool) async throws -> T
) async throws -> T {
    let pool = PostgresPool(try await TestServer.configuration(), configuration: pool, logger: .silent)
    do {
        let result = try await body(pool)
        await pool.close()
        return result
    } catch {
        await pool.close()
        throw error
    }
}

extension PostgresSession {
    /// Executes `body` on the session's connection with a temporary table `t (id int primary key, note text)`.
    func withTable<T: Sendable>(_ body: @Sendable (PostgresConnection) throws -> T) async throws -> T {
        try await run { db in
            try db.script("create temporary table t (id int constraint t_key primary key, note text)")
            return try body(db)
        }
    }
}

extension PostgresConnection {
    /// The first column of the first row.
    func value<T: PostgresDecodable>(
        _ sql: String, _ parameters: [any PostgresEncodable] = [], as type: T.Type = T.self
    )
        throws -> T
    {
        guard let row = try query(sql, parameters).first else { throw PostgresError(.usage, "no row") }
        return try row.decode(0)
    }
}
