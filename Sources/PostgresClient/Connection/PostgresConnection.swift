import CLibPQ
import Logging

/// An open connection, for use inside the closure it is passed to.
///
/// All calls block, which is fine: the closure runs on the connection's own thread. The connection is not
/// `Sendable`, so the compiler refuses to let it out of the closure and to `await` anything inside.
///
/// When the surrounding task is cancelled, the statement that runs is ended and no further one is sent: both throw
/// ``PostgresError`` with code `cancelled`.
public final class PostgresConnection {
    let handle: OpaquePointer
    let logger: Logger
    let cancelHandle: CancelHandle?
    private let notices: NoticeHandler

    var statements = StatementCache(capacity: 256)
    /// Prepared statements that nobody needs, but that could not be dropped yet.
    var unwantedStatements: [String] = []
    var arena = ParameterArena()
    /// Belongs to the call whose body runs at the moment.
    var cancellation: StatementCancellation?
    var savepointDepth = 0
    /// Whether a statement changed the session beyond its transaction.
    var sessionWasChanged = false
    /// What ``adopt(_:)`` has set.
    var lentSettings: [String: String] = [:]
    private var isAbandoned = false

    init(_ configuration: PostgresConfiguration, logger: Logger, isCancelled: @escaping () -> Bool) throws {
        handle = try ConnectionOpener(configuration: configuration, isCancelled: isCancelled).open()
        notices = NoticeHandler(logger: logger)
        notices.install(on: handle)
        cancelHandle = CancelHandle(connection: handle)
        var logger = logger
        logger[metadataKey: LogKey.backend] = "\(PQbackendPID(handle))"
        self.logger = logger
        logger.debug("connected to the database", metadata: [LogKey.target: "\(configuration)"])
    }

    deinit {
        PQfinish(handle)
    }

    /// Whether a transaction is open, also one in which a statement has failed.
    public var isInTransaction: Bool { PQtransactionStatus(handle) != PQTRANS_IDLE }

    /// Whether a statement of the open transaction has failed, so that it can only be rolled back.
    public var isInFailedTransaction: Bool { PQtransactionStatus(handle) == PQTRANS_INERROR }

    /// The server's version as a number: 150018 is 15.18.
    public var serverVersion: Int { Int(PQserverVersion(handle)) }

    /// The process on the server that serves this connection.
    public var backendPID: Int32 { PQbackendPID(handle) }

    /// Whether the connection is encrypted by TLS.
    public var isEncrypted: Bool { PQsslInUse(handle) == 1 }

    /// Called with every notice of the server, in addition to a line in the log at level `debug`.
    public var onNotice: ((PostgresNotice) -> Void)? {
        get { notices.onNotice }
        set { notices.onNotice = newValue }
    }

    /// Whether nothing more can be done with the connection.
    var isLost: Bool { isAbandoned || notices.wasFatal || PQstatus(handle) == CONNECTION_BAD }

    /// Gives the connection up although libpq takes it for sound.
    func abandon() {
        isAbandoned = true
    }

    func checkReady() throws {
        guard !isLost else { throw PostgresError(.connectionLost, "the connection was lost earlier") }
        guard cancellation?.isRequested != true else {
            throw PostgresError(.cancelled, "the task was cancelled before this statement")
        }
    }
}
