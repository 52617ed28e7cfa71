import CLibPQ

/// Statements sent one after the other without waiting for their results.
///
/// Between entering and leaving pipeline mode nothing else can be done with the connection, so `finish` must be
/// called in any case.
final class Pipeline {
    private let connection: PostgresConnection
    /// What was sent and not yet received.
    private var expected: [Expected] = []
    private var received = 0
    /// Ends of implicit transactions that the server has not confirmed yet; nil before the first one was sent.
    private var unconfirmed: Int?
    /// Statements of this pipeline that the server has not yet confirmed as prepared.
    private var preparing: [String: String] = [:]

    private struct Expected {
        var sql: String
        var wasKnown: Bool
        /// Set when the result of preparing comes before that of executing.
        var newName: String?
    }

    init(_ connection: PostgresConnection) throws {
        self.connection = connection
        guard PQenterPipelineMode(connection.handle) == 1 else { throw connection.sendFailure() }
    }

    func send(_ sql: String, _ parameters: ParameterArena) throws {
        let known = connection.statements.name(for: sql)
        var entry = Expected(sql: sql, wasKnown: known != nil)
        let name = known ?? preparing[sql] ?? connection.statements.makeName()
        if known == nil, preparing[sql] == nil {
            guard PQsendPrepare(connection.handle, name, sql, 0, nil) == 1 else { throw connection.sendFailure() }
            preparing[sql] = name
            entry.newName = name
        }
        let wasSent = parameters.withPointers { values in
            PQsendQueryPrepared(connection.handle, name, Int32(parameters.count), values, nil, nil, 0)
        }
        guard wasSent == 1 else { throw connection.sendFailure() }
        expected.append(entry)
    }

    /// Has the server send what it has, without ending the implicit transaction.
    func flush() throws {
        guard PQsendFlushRequest(connection.handle) == 1, PQflush(connection.handle) == 0 else {
            throw connection.sendFailure()
        }
    }

    /// Ends the implicit transaction.
    func sync() throws {
        unconfirmed = (unconfirmed ?? 0) + 1
        guard PQpipelineSync(connection.handle) == 1 else { throw connection.sendFailure() }
    }

    /// Takes the result of the next statement, in the order of sending.
    ///
    /// - Throws: `PostgresError` with the index of the statement, or `StalePlan`.
    func receive() throws -> ResultHandle {
        let entry = expected[received]
        do {
            if let name = entry.newName {
                _ = try takeResult()
                preparing[entry.sql] = nil
                if let evicted = connection.statements.insert(entry.sql, name: name) {
                    connection.unwantedStatements.append(evicted)
                }
            }
            let result = try takeResult()
            received += 1
            return result
        } catch var error as PostgresError {
            error.statementIndex = received
            guard entry.wasKnown, StalePlan.isMeant(by: error) else { throw error }
            throw StalePlan(sql: entry.sql, error: error)
        }
    }

    /// Waits until the server has confirmed the end of the next implicit transaction.
    ///
    /// - Returns: What failed before, as a deferred constraint at the commit, or the loss of the connection.
    func confirm() -> PostgresError? {
        var failure: PostgresError?
        do {
            while !connection.isLost {
                guard let result = try connection.nextResult() else { continue }
                let status = PQresultStatus(result.pointer)
                if status == PGRES_PIPELINE_SYNC {
                    unconfirmed? -= 1
                    return failure
                }
                if status == PGRES_FATAL_ERROR, failure == nil { failure = connection.error(result) }
            }
        } catch {
            connection.abandon()
            failure = failure ?? (error as? PostgresError)
        }
        // Every statement was answered, but whether the transaction was committed nobody has said.
        return failure ?? PostgresError(.connectionLost, "the connection was lost")
    }

    /// Takes what is left and leaves pipeline mode.
    ///
    /// - Returns: The first failure among what was left; see ``confirm()``.
    func finish() -> PostgresError? {
        var failure: PostgresError?
        do {
            if unconfirmed == nil, !connection.isLost { try sync() }
        } catch {
            connection.abandon()
            failure = error as? PostgresError
        }
        while unconfirmed ?? 1 > 0 {
            let left = confirm()
            failure = failure ?? left
            if connection.isLost { break }
        }
        if !connection.isLost, PQexitPipelineMode(connection.handle) != 1 { connection.abandon() }
        return failure
    }

    /// One result and the `NULL` that libpq puts behind it.
    private func takeResult() throws -> ResultHandle {
        guard let result = try connection.nextResult() else {
            throw connection.isLost
                ? PostgresError(.connectionLost, "the connection was lost") : connection.sendFailure()
        }
        switch PQresultStatus(result.pointer) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            while try connection.nextResult() != nil {}
            connection.noteEffects(of: result)
            return result
        case PGRES_FATAL_ERROR:
            // Reading on shows whether the connection went with it.
            while try connection.nextResult() != nil {}
            throw connection.error(result)
        case PGRES_PIPELINE_ABORTED:
            throw PostgresError(.server, "an earlier statement of the batch failed")
        default:
            connection.abandon()
            throw PostgresError(.usage, "COPY cannot be part of a batch")
        }
    }
}
