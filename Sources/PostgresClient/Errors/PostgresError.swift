/// What went wrong between a caller and PostgreSQL.
///
/// `code` says whose fault it is, `sqlState` what the server calls it. No text of an error contains a password.
public struct PostgresError: Error, Sendable {
    /// The kind of the failure.
    public var code: Code
    /// What the server calls the failure; `nil` when it did not come from the server.
    public var sqlState: SQLState?
    /// What happened, in one sentence.
    public var message: String
    /// The server's further explanation, which often quotes values.
    public var detail: String?
    /// The server's advice.
    public var hint: String?
    /// The name of the violated constraint.
    public var constraint: String?
    /// The schema of the table or constraint concerned.
    public var schema: String?
    /// The table concerned.
    public var table: String?
    /// The column concerned.
    public var column: String?
    /// Where in PL/pgSQL or in a trigger it happened, one frame a line.
    public var context: String?
    /// Position of the mistake in the statement, in characters from 1.
    public var position: Int?
    /// Index, from 0, of the statement in its batch.
    public var statementIndex: Int?

    /// Makes an error that did not come from the server.
    public init(_ code: Code, _ message: String, sqlState: SQLState? = nil, hint: String? = nil) {
        self.code = code
        self.message = message
        self.sqlState = sqlState
        self.hint = hint
    }

    /// Whether the connection is gone, or never came to be.
    public var isConnectionLoss: Bool {
        code == .connectionLost || code == .connectionFailed || code == .commitOutcomeUnknown
    }

    /// Whether trying the *whole transaction* again may succeed.
    ///
    /// False for ``Code/commitOutcomeUnknown``: there, trying again may do everything twice.
    public var isRetryable: Bool {
        if code == .connectionLost { return true }
        guard code == .server || code == .connectionFailed else { return false }
        guard let sqlState else { return code == .connectionFailed }
        return sqlState.isConnectionException || SQLState.retryable.contains(sqlState)
    }
}

extension PostgresError: CustomStringConvertible {
    /// The message, followed by what else is known.
    public var description: String {
        var extra: [String] = []
        if let sqlState { extra.append("SQLSTATE \(sqlState)") }
        if let statementIndex { extra.append("statement \(statementIndex) of the batch") }
        if let constraint { extra.append("constraint \(constraint)") }
        if let table { extra.append("table \(table)") }
        if let column { extra.append("column \(column)") }
        if let position { extra.append("at character \(position)") }
        var text = message
        if !extra.isEmpty { text += " (\(extra.joined(separator: ", ")))" }
        if let detail { text += "; detail: \(detail)" }
        if let hint { text += "; hint: \(hint)" }
        if let context { text += "; context: \(context)" }
        return text
    }
}

extension SQLState {
    /// What passes: conflicts, locks, servers that start, stop, are full or are not the primary at the moment.
    fileprivate static let retryable: Set<SQLState> = [
        .serializationFailure, .deadlockDetected, .lockNotAvailable, .adminShutdown, .crashShutdown,
        .cannotConnectNow, .tooManyConnections, .readOnlyTransaction,
    ]
}
