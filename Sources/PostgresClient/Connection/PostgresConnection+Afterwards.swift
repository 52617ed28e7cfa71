extension PostgresConnection {
    /// Executes a statement and, in the same round trip, another one in a transaction of its own behind it.
    ///
    /// What becomes of the second one is not told: it is for what may be lost, such as a notification. It is executed also when
    /// the first one fails.
    ///
    /// - Parameter afterwards: One statement, without parameters.
    /// - Returns: How many rows the first one affected, once its commit is confirmed.
    /// - Throws: ``PostgresError`` of the first one; with code `usage` inside a transaction.
    @discardableResult
    package func execute(
        _ sql: String, _ parameters: [any PostgresEncodable] = [], afterwards: String
    ) throws -> Int {
        try checkReady()
        guard !isInTransaction else {
            throw PostgresError(.usage, "a transaction is open, so nothing can be executed after its commit")
        }
        try Self.checkText(sql)
        try Self.checkText(afterwards)
        try arena.fill(parameters)
        dropUnwantedStatements()
        defer { if cancellation?.isRequested == true { settleCancellation() } }
        return try retryingStalePlans { try runPair(sql, afterwards) }
    }

    private func runPair(_ sql: String, _ afterwards: String) throws -> Int {
        let pipeline = try Pipeline(self)
        let affected: Int
        do {
            try pipeline.send(sql, arena)
            try pipeline.sync()
            try pipeline.send(afterwards, ParameterArena())
            try pipeline.sync()
            affected = PostgresRows(result: try pipeline.receive()).affected
            if let failure = pipeline.confirm() { throw failure }
            do {
                _ = try pipeline.receive()
            } catch let stale as StalePlan {
                if let name = statements.remove(stale.sql) { unwantedStatements.append(name) }
            } catch {}
        } catch {
            _ = pipeline.finish()
            throw error
        }
        _ = pipeline.finish()
        return affected
    }
}
