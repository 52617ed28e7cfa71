import CLibPQ
import Logging

/// Holds one connection and pins everything done with it to one thread.
actor ConnectionLink {
    private let configuration: PostgresConfiguration
    private let logger: Logger
    private let thread: ConnectionThread
    private let habits: Habits
    private var connection: PostgresConnection?
    private var lastUse = ContinuousClock.now
    private var isClosed = false

    /// What differs between connections of a pool and a session.
    struct Habits: Sendable {
        /// Whether every call must leave the connection as it found it.
        var isShared: Bool
        /// After how much idle time the connection is tested by a round trip.
        var testsAfter: Duration
    }

    /// How a call ended.
    enum Outcome<T: Sendable>: Sendable {
        /// The body ran.
        case done(Result<T, any Error>, connected: Bool)
        /// There was no connection and none could be opened; the body did not run.
        case unreachable(any Error)
    }

    init(_ configuration: PostgresConfiguration, habits: Habits, name: String, logger: Logger) {
        self.configuration = configuration
        self.habits = habits
        self.logger = logger
        thread = ConnectionThread(name: name)
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// Calls `body` with the connection, which is opened first if need be.
    /// - Parameter settings: Those of the session for this call; those of the call before are undone.
    func run<T: Sendable>(
        _ cancellation: StatementCancellation, settings: [String: String] = [:],
        _ body: @Sendable (PostgresConnection) throws -> T
    ) -> Outcome<T> {
        let connection: PostgresConnection
        do { connection = try ready(cancellation) } catch { return .unreachable(error) }

        connection.cancellation = cancellation
        if let target = connection.cancelHandle { cancellation.begin(target) }
        var result = Result {
            try connection.adopt(settings)
            return try body(connection)
        }
        connection.settleCancellation()
        connection.cancellation = nil

        if habits.isShared, let failure = connection.restore(), case .success = result { result = .failure(failure) }
        if connection.isLost {
            logger.warning("lost a database connection", metadata: [LogKey.backend: "\(connection.backendPID)"])
            self.connection = nil
        }
        lastUse = .now
        return .done(result, connected: self.connection != nil)
    }

    /// Closes the connection for good.
    func close() {
        isClosed = true
        connection = nil
    }

    /// Ends the thread; to be called after `close`.
    nonisolated func stopThread() async {
        await thread.stop()
    }

    private func ready(_ cancellation: StatementCancellation) throws -> PostgresConnection {
        guard !isClosed else { throw PostgresError(.poolClosed, "the connection was closed") }
        guard !cancellation.isRequested else { throw CancellationError() }
        if let connection {
            if connection.isAlive(testing: ContinuousClock.now - lastUse > habits.testsAfter) { return connection }
            let wasInTransaction = connection.isInTransaction
            self.connection = nil
            logger.debug("an idle database connection was lost")
            // Going on would quietly do one half of a transaction.
            guard !wasInTransaction else {
                throw PostgresError(.connectionLost, "the connection was lost while a transaction was open")
            }
        }
        let opened = try PostgresConnection(configuration, logger: logger) { cancellation.isRequested }
        connection = opened
        return opened
    }
}
