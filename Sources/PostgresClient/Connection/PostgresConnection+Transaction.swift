import CLibPQ
import Logging

extension PostgresConnection {
    /// Executes `body` in a transaction: commits when it returns, rolls back when it throws.
    ///
    /// Inside another transaction it makes a savepoint instead, and rolls back to it when `body` throws.
    ///
    /// - Parameters:
    ///   - isolation: `nil` takes the server's default; only `nil` is allowed inside another transaction.
    ///   - readOnly: Whether writing fails.
    /// - Throws: What `body` throws, or ``PostgresError``; code `commitOutcomeUnknown` when the connection broke
    ///   during the commit, `transactionAborted` when `body` ignored the failure of a statement.
    @discardableResult
    public func transaction<T>(
        isolation: PostgresIsolation? = nil, readOnly: Bool = false, _ body: (PostgresConnection) throws -> T
    ) throws -> T {
        try checkReady()
        if isInTransaction {
            guard isolation == nil, !readOnly else {
                throw PostgresError(.usage, "a nested transaction cannot have its own isolation or access mode")
            }
            return try savepoint(body)
        }
        let level = isolation.map { " ISOLATION LEVEL \($0.rawValue)" } ?? ""
        try command("BEGIN\(level)\(readOnly ? " READ ONLY" : "")")
        let value: T
        do { value = try body(self) } catch {
            rollBack()
            throw error
        }
        try commit()
        return value
    }

    private func savepoint<T>(_ body: (PostgresConnection) throws -> T) throws -> T {
        let name = "nested_\(savepointDepth)"
        savepointDepth += 1
        defer { savepointDepth -= 1 }
        try command("SAVEPOINT \(name)")
        do {
            let value = try body(self)
            guard !isInFailedTransaction else { throw Self.ignoredFailure }
            try command("RELEASE SAVEPOINT \(name)")
            return value
        } catch {
            // If this fails as well, the outer transaction is in a failed state and cannot be committed.
            if !isLost, isInTransaction {
                _ = try? command("ROLLBACK TO SAVEPOINT \(name); RELEASE SAVEPOINT \(name)")
            }
            throw error
        }
    }

    private func commit() throws {
        guard isInTransaction else {
            if isLost { throw PostgresError(.connectionLost, "the connection was lost before the commit") }
            throw PostgresError(
                .usage, "the body ended the transaction itself; leave COMMIT and ROLLBACK to transaction")
        }
        guard !isInFailedTransaction else {
            rollBack()
            throw Self.ignoredFailure
        }
        do { try checkReady() } catch {
            rollBack()
            throw error
        }
        do {
            try command("COMMIT")
        } catch var error as PostgresError where error.code == .connectionLost {
            error.code = .commitOutcomeUnknown
            error.message = "the connection was lost during the commit, which may have taken place: \(error.message)"
            throw error
        }
    }

    /// Rolls back without an error of its own: the one that led here matters more.
    func rollBack() {
        guard !isLost, isInTransaction else { return }
        do { try command("ROLLBACK") } catch {
            logger.debug("could not roll back", metadata: [LogKey.error: "\(error)"])
            abandon()
        }
    }

    private static var ignoredFailure: PostgresError {
        PostgresError(
            .transactionAborted, "a statement of the transaction failed and the body went on, so it was rolled back",
            hint: "let errors leave the body, or wrap what may fail in a nested transaction")
    }
}
