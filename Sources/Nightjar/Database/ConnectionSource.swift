internal import PostgresClient

/// Whoever lends a connection for the time of a closure: a pool, or a single connection.
protocol ConnectionSource: Sendable {
    @discardableResult
    func withConnection<T: Sendable>(_ body: @Sendable (PostgresConnection) throws -> T) async throws -> T

    func close() async
}

extension PostgresPool: ConnectionSource {}

extension PostgresSession: ConnectionSource {
    @discardableResult
    func withConnection<T: Sendable>(_ body: @Sendable (PostgresConnection) throws -> T) async throws -> T {
        try await run(body)
    }
}
