extension PostgresPool {
    /// Executes `body` in a transaction: commits when it returns, rolls back when it throws.
    ///
    /// - Parameters:
    ///   - isolation: What the transaction sees of concurrent ones.
    ///   - readOnly: Whether writing fails.
    ///   - retries: How often the whole body is executed again after a serialization failure (40001) or a deadlock
    ///     (40P01), for which PostgreSQL guarantees that nothing was committed. Other failures are never retried.
    /// - Throws: What ``withConnection(_:)`` throws, and ``PostgresError`` with code `commitOutcomeUnknown` when the
    ///   connection broke during the commit.
    @discardableResult
    public func transaction<T: Sendable>(
        isolation: PostgresIsolation = .readCommitted, readOnly: Bool = false, retries: Int = 0,
        _ body: @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        var backOff = BackOff(initial: .milliseconds(5), maximum: .milliseconds(200), jitter: 1)
        var left = retries
        while true {
            do {
                return try await withConnection { db in
                    try db.transaction(isolation: isolation, readOnly: readOnly, body)
                }
            } catch let error as PostgresError where left > 0 && Self.isConflict(error) {
                left -= 1
                // Random pauses keep two transactions from colliding again and again.
                try await Task.sleep(for: backOff.failed(random: Double.random(in: 0..<1)))
            }
        }
    }

    private static func isConflict(_ error: PostgresError) -> Bool {
        error.code == .server && (error.sqlState == .serializationFailure || error.sqlState == .deadlockDetected)
    }
}
