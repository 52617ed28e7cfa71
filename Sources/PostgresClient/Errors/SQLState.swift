/// A five-character SQLSTATE code, the part of a server error that programs may rely on.
public struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The five characters, such as `40001`.
    public let rawValue: String

    /// Wraps a code; its form is not checked.
    public init(rawValue: String) {
        self.rawValue = rawValue
    }

    /// The five characters.
    public var description: String { rawValue }

    /// Whether the code belongs to class 08, connection exceptions.
    public var isConnectionException: Bool { rawValue.hasPrefix("08") }

    /// Whether the server refuses who is asking (class 28): trying again cannot help.
    public var isInvalidAuthorization: Bool { rawValue.hasPrefix("28") }

    /// 0A000: among others "cached plan must not change result type".
    public static let featureNotSupported = SQLState(rawValue: "0A000")
    /// 22023: a parameter has a value that makes no sense.
    public static let invalidParameterValue = SQLState(rawValue: "22023")
    /// 22P05: `\u0000` in a JSON text that becomes `jsonb`, for example.
    public static let untranslatableCharacter = SQLState(rawValue: "22P05")
    /// 22021: bytes that are no text in the server's encoding.
    public static let characterNotInRepertoire = SQLState(rawValue: "22021")
    /// 23502: NULL in a column that does not take it.
    public static let notNullViolation = SQLState(rawValue: "23502")
    /// 23503: a referenced row is missing, or still referenced.
    public static let foreignKeyViolation = SQLState(rawValue: "23503")
    /// 23505: a row with this key exists already.
    public static let uniqueViolation = SQLState(rawValue: "23505")
    /// 23514: a check constraint refused the row.
    public static let checkViolation = SQLState(rawValue: "23514")
    /// 25006: writing in a read-only transaction, as after a fail-over to a standby.
    public static let readOnlyTransaction = SQLState(rawValue: "25006")
    /// 25P02: a statement after a failed one in the same transaction.
    public static let inFailedTransaction = SQLState(rawValue: "25P02")
    /// 25P03: the transaction was idle for longer than `idle_in_transaction_session_timeout`.
    public static let idleInTransactionTimeout = SQLState(rawValue: "25P03")
    /// 26000: no prepared statement of this name, as after `DISCARD ALL`.
    public static let invalidStatementName = SQLState(rawValue: "26000")
    /// 3D000: no database of this name.
    public static let unknownDatabase = SQLState(rawValue: "3D000")
    /// 40001: the transaction conflicts with a concurrent one; the whole of it may be tried again.
    public static let serializationFailure = SQLState(rawValue: "40001")
    /// 40P01: chosen as the victim of a deadlock; the whole transaction may be tried again.
    public static let deadlockDetected = SQLState(rawValue: "40P01")
    /// 42501: the role lacks a privilege.
    public static let insufficientPrivilege = SQLState(rawValue: "42501")
    /// 42601: the statement cannot be parsed.
    public static let syntaxError = SQLState(rawValue: "42601")
    /// 42703: no such column.
    public static let undefinedColumn = SQLState(rawValue: "42703")
    /// 42704: no such thing, where nothing more special applies.
    public static let undefinedObject = SQLState(rawValue: "42704")
    /// 42710: an object of this name exists already.
    public static let duplicateObject = SQLState(rawValue: "42710")
    /// 42883: no such function.
    public static let undefinedFunction = SQLState(rawValue: "42883")
    /// 42P01: no such table.
    public static let undefinedTable = SQLState(rawValue: "42P01")
    /// 42P04: the database exists already.
    public static let duplicateDatabase = SQLState(rawValue: "42P04")
    /// 53300: the server has no connection left.
    public static let tooManyConnections = SQLState(rawValue: "53300")
    /// 55P03: a lock was not granted at once, or not within `lock_timeout`.
    public static let lockNotAvailable = SQLState(rawValue: "55P03")
    /// 55000: not possible as things stand.
    public static let objectNotInPrerequisiteState = SQLState(rawValue: "55000")
    /// 57014: the statement was cancelled, by a request or by `statement_timeout`.
    public static let queryCanceled = SQLState(rawValue: "57014")
    /// 57P01: the server is shutting down, or the session was terminated.
    public static let adminShutdown = SQLState(rawValue: "57P01")
    /// 57P02: another session crashed and took this one with it.
    public static let crashShutdown = SQLState(rawValue: "57P02")
    /// 57P03: the server is starting up or shutting down.
    public static let cannotConnectNow = SQLState(rawValue: "57P03")
    /// P0001: `RAISE EXCEPTION` without a code of its own.
    public static let raisedException = SQLState(rawValue: "P0001")
    /// P0002: a function found nothing where there has to be something.
    public static let noDataFound = SQLState(rawValue: "P0002")
}
