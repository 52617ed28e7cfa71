import CLibPQ

extension PostgresConnection {
    /// Executes one statement and returns its rows.
    ///
    /// The statement is prepared at its first use on this connection, so write values as `$1`, `$2` …, never into
    /// the text. A plan that has become invalid is made anew when no transaction is open.
    ///
    /// - Parameters:
    ///   - sql: One statement.
    ///   - parameters: Values for `$1` and so on; at most 65,535.
    /// - Throws: ``PostgresError``.
    @discardableResult
    public func query(_ sql: String, _ parameters: [any PostgresEncodable] = []) throws -> PostgresRows {
        try checkReady()
        try arena.fill(parameters)
        return try retryingStalePlans { PostgresRows(result: try executePrepared(sql)) }
    }

    /// Executes one statement and returns how many rows it affected.
    ///
    /// - Throws: ``PostgresError``.
    @discardableResult
    public func execute(_ sql: String, _ parameters: [any PostgresEncodable] = []) throws -> Int {
        try query(sql, parameters).affected
    }

    /// Executes statements separated by semicolons, without parameters, as for migrations.
    ///
    /// Outside a transaction they form one of their own, unless they contain `BEGIN` or `COMMIT`.
    ///
    /// - Throws: ``PostgresError`` of the first statement that fails; the ones after it are not executed.
    public func script(_ sql: String) throws {
        try checkReady()
        try Self.checkText(sql)
        try command(sql)
    }

    /// Forgets a statement that the server no longer accepts, and tries once more if nothing can be lost by it.
    func retryingStalePlans<T>(_ attempt: () throws -> T) throws -> T {
        let wasInTransaction = isInTransaction
        do {
            return try attempt()
        } catch let stale as StalePlan {
            if let name = statements.remove(stale.sql) { unwantedStatements.append(name) }
            guard !wasInTransaction else { throw stale.error }
            do { return try attempt() } catch let stale as StalePlan { throw stale.error }
        }
    }

    private func executePrepared(_ sql: String) throws -> ResultHandle {
        let known = statements.name(for: sql)
        let name = try known ?? prepare(sql)
        let wasSent = arena.withPointers { values in
            PQsendQueryPrepared(handle, name, Int32(arena.count), values, nil, nil, 0)
        }
        guard wasSent == 1 else { throw sendFailure() }
        let sessionWasChangedBefore = sessionWasChanged
        do {
            let result = try receive()
            if sessionWasChanged, !sessionWasChangedBefore, Self.isLocal(sql) { sessionWasChanged = false }
            return result
        } catch let error as PostgresError where known != nil && StalePlan.isMeant(by: error) {
            throw StalePlan(sql: sql, error: error)
        }
    }

    private func prepare(_ sql: String) throws -> String {
        try Self.checkText(sql)
        dropUnwantedStatements()
        let name = statements.makeName()
        guard PQsendPrepare(handle, name, sql, 0, nil) == 1 else { throw sendFailure() }
        _ = try receive()
        if let evicted = statements.insert(sql, name: name) { unwantedStatements.append(evicted) }
        return name
    }

    func dropUnwantedStatements() {
        guard !unwantedStatements.isEmpty, !isInFailedTransaction, !isInTransaction else { return }
        for name in unwantedStatements {
            // It may be gone already, after DISCARD ALL; that is as good.
            _ = try? command("DEALLOCATE \(name)")
        }
        unwantedStatements.removeAll()
    }

    static func checkText(_ sql: String) throws {
        guard !sql.utf8.contains(0) else { throw PostgresError(.encoding, "the statement contains a NUL character") }
    }

    /// `SET LOCAL` has the command tag of `SET`, but ends with its transaction.
    private static func isLocal(_ sql: String) -> Bool {
        let words = sql.split(maxSplits: 2, whereSeparator: \.isWhitespace)
        return words.count > 1 && ["local", "transaction", "constraints"].contains(words[1].lowercased())
    }
}

/// The server refuses a prepared statement that was fine when it was prepared.
struct StalePlan: Error {
    var sql: String
    var error: PostgresError

    /// 0A000 is "cached plan must not change result type", whose text depends on the server's language.
    static func isMeant(by error: PostgresError) -> Bool {
        error.sqlState == .invalidStatementName || error.sqlState == .featureNotSupported
    }
}
