import CLibPQ

extension PostgresConnection {
    /// Executes several statements in one round trip.
    ///
    /// Outside a transaction they form one: all of them take effect or none. `decode` is called after that, so its
    /// errors undo nothing.
    ///
    /// - Throws: ``PostgresError`` of the first statement that fails, with its `statementIndex`.
    @discardableResult
    public func batch<each Result: Sendable>(
        _ statement: repeat PostgresStatement<each Result>
    ) throws -> (repeat each Result) {
        try checkReady()
        // Everything is encoded before anything is sent: a half-sent batch would be committed.
        var arenas: [ParameterArena] = []
        repeat arenas.append(try Self.encode(each statement, index: arenas.count))
        var rows: [PostgresRows] = []
        var sql: [String] = []
        repeat sql.append((each statement).sql)
        rows = try runBatch(sql, arenas)
        var index = -1
        func nextRows() -> PostgresRows {
            index += 1
            return rows[index]
        }
        return (repeat try (each statement).decode(nextRows()))
    }

    /// Executes many statements in few round trips.
    ///
    /// Outside a transaction they form one: all of them take effect or none. Prefer one statement over arrays
    /// (`unnest`) where the statements are all the same.
    ///
    /// - Throws: ``PostgresError`` of the first statement that fails, with its `statementIndex`.
    @discardableResult
    public func batch<Result>(_ statements: [PostgresStatement<Result>]) throws -> [Result] {
        try checkReady()
        guard !statements.isEmpty else { return [] }
        let arenas = try statements.indices.map { try Self.encode(statements[$0], index: $0) }
        let rows = try runBatch(statements.map(\.sql), arenas)
        return try zip(statements, rows).map { statement, rows in try statement.decode(rows) }
    }

    private func runBatch(_ sql: [String], _ arenas: [ParameterArena]) throws -> [PostgresRows] {
        dropUnwantedStatements()
        defer { if cancellation?.isRequested == true { settleCancellation() } }
        return try retryingStalePlans { try runPipeline(sql, arenas) }
    }

    private func runPipeline(_ sql: [String], _ arenas: [ParameterArena]) throws -> [PostgresRows] {
        let pipeline = try Pipeline(self)
        var rows: [PostgresRows] = []
        do {
            for start in stride(from: 0, to: sql.count, by: Self.pipelineDepth) {
                let chunk = start..<min(start + Self.pipelineDepth, sql.count)
                for index in chunk { try pipeline.send(sql[index], arenas[index]) }
                if chunk.upperBound == sql.count { try pipeline.sync() } else { try pipeline.flush() }
                for _ in chunk { rows.append(PostgresRows(result: try pipeline.receive())) }
            }
        } catch {
            _ = pipeline.finish()
            throw error
        }
        if let failure = pipeline.finish() { throw failure }
        return rows
    }

    /// Both sides buffer what the other has not read yet; bounded, so that they cannot wait for each other for ever.
    private static var pipelineDepth: Int { 256 }

    private static func encode(_ statement: PostgresStatement<some Any>, index: Int) throws -> ParameterArena {
        do {
            try checkText(statement.sql)
            var arena = ParameterArena()
            try arena.fill(statement.parameters)
            return arena
        } catch var error as PostgresError {
            error.statementIndex = index
            throw error
        }
    }
}
