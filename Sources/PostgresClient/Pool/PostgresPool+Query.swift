extension PostgresPool {
    /// Executes one statement and returns how many rows it affected.
    ///
    /// - Throws: What ``withConnection(_:)`` throws.
    @discardableResult
    public func execute(_ sql: String, _ parameters: [any PostgresEncodable] = []) async throws -> Int {
        try await withConnection { db in try db.execute(sql, parameters) }
    }

    /// Executes one statement and turns each of its rows into a value.
    ///
    /// - Throws: What ``withConnection(_:)`` and `decode` throw.
    public func query<T: Sendable>(
        _ sql: String, _ parameters: [any PostgresEncodable] = [], decode: @Sendable (PostgresRow) throws -> T
    ) async throws -> [T] {
        try await withConnection { db in try db.query(sql, parameters).map(decode) }
    }
}
