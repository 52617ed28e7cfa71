import PostgresClient

extension LocalPostgres {
    /// Makes a database, as a copy of `template` if one is given.
    ///
    /// - Throws: `PostgresError`, with SQLSTATE 42P04 when there is one of this name already.
    public func createDatabase(_ name: String, template: String? = nil) async throws {
        let copy = template.map { " TEMPLATE \(PostgresIdentifier($0).quoted)" } ?? ""
        try await administer("CREATE DATABASE \(PostgresIdentifier(name).quoted)\(copy)")
    }

    /// Removes a database if there is one of this name, and disconnects everybody from it.
    ///
    /// - Throws: `PostgresError`.
    public func dropDatabase(_ name: String) async throws {
        try await administer("DROP DATABASE IF EXISTS \(PostgresIdentifier(name).quoted) WITH (FORCE)")
    }

    private func administer(_ sql: String) async throws {
        let session = PostgresSession(configuration(), logger: logger)
        let result: Result<Void, any Error>
        do { result = .success(try await session.run { db in try db.script(sql) }) } catch { result = .failure(error) }
        await session.close()
        try result.get()
    }
}
