public import Foundation
public import Logging
public import PostgresClient
import Synchronization

/// A PostgreSQL server of our own: made when there is none, started, and stopped with us at the latest.
///
/// It runs as a user other than root and cannot outlive this process, even if that is killed. The superuser is
/// `postgres`.
public final class LocalPostgres: Sendable {
    private enum Phase {
        case stopped
        case changing
        case running(Watchdog, processID: Int32)
    }

    let options: Options
    let layout: Layout
    private let user: ServerUser?
    let logger: Logger
    private let phase = Mutex(Phase.stopped)

    /// Chooses the directories and the port; nothing is looked for, made or started.
    public init(options: Options = Options(), logger: Logger) {
        self.options = options
        self.logger = logger
        user = ServerUser.find()
        layout = Layout(options, user: user)
    }

    /// Starts a temporary server that is removed when it is stopped for good.
    ///
    /// - Throws: ``LocalPostgresError``.
    public static func throwAway(settings: [String: String] = [:], logger: Logger) async throws -> LocalPostgres {
        let server = LocalPostgres(options: Options(settings: settings), logger: logger)
        try await server.start()
        return server
    }

    /// The process of the server, while it runs.
    public var processID: Int32? {
        phase.withLock { phase in
            if case .running(_, let processID) = phase { processID } else { nil }
        }
    }

    /// The cluster's directory.
    public var dataDirectory: URL { layout.data.url }

    /// The TCP port at 127.0.0.1, if the server listens there.
    public var loopbackPort: Int? { options.loopbackPort == nil ? nil : layout.port }

    /// How to connect, through the Unix socket and as superuser.
    public func configuration(database: String = "postgres") -> PostgresConfiguration {
        PostgresConfiguration(keywords: [
            // An empty hostaddr keeps PGHOSTADDR from leading elsewhere.
            "host": layout.socket.path(percentEncoded: false), "hostaddr": "", "port": String(layout.port),
            "user": "postgres", "dbname": database,
        ])
    }

    /// Makes the cluster if there is none, starts the server and waits until it accepts connections.
    ///
    /// - Throws: ``LocalPostgresError``, with the end of the server's log when the server gave up.
    public func start() async throws {
        try begin { if case .stopped = $0 { true } else { false } }
        let isNew = layout.data.isEmpty
        do {
            let (watchdog, processID) = try await ServerStarter(user: user, layout: layout, options: options).start()
            phase.withLock { $0 = .running(watchdog, processID: processID) }
        } catch {
            phase.withLock { $0 = .stopped }
            // Nobody stops what never ran; the error has the end of the log.
            if isNew { layout.removeTemporaryFiles() }
            throw error
        }
        logger.info("local PostgreSQL started", metadata: ["directory": "\(layout.root.path())"])
    }

    /// Stops the server if it runs; a temporary one is removed.
    ///
    /// - Throws: ``LocalPostgresError`` with code `stopFailed` when it had to be killed.
    public func stop(mode: StopMode = .fast) async throws {
        try await end(mode)
        layout.removeTemporaryFiles()
    }

    /// Stops the server and keeps its files, for ``start()`` to start it again.
    ///
    /// - Throws: ``LocalPostgresError`` with code `stopFailed` when it had to be killed.
    public func halt(mode: StopMode = .fast) async throws {
        try await end(mode)
    }

    /// Stops the server and starts it again on the same files.
    ///
    /// - Throws: ``LocalPostgresError``.
    public func restart(mode: StopMode = .fast) async throws {
        try await end(mode)
        try await start()
    }

    private func begin(if isAllowed: (borrowing Phase) -> Bool) throws {
        try phase.withLock { phase in
            guard isAllowed(phase) else {
                throw LocalPostgresError(.usage, "the server runs already, or is being started or stopped")
            }
            phase = .changing
        }
    }

    private func end(_ mode: StopMode) async throws {
        let running: Watchdog? = try phase.withLock { phase in
            switch phase {
            case .stopped: return nil
            case .changing: throw LocalPostgresError(.usage, "the server is being started or stopped")
            case .running(let watchdog, _):
                phase = .changing
                return watchdog
            }
        }
        guard let running else { return }
        defer { phase.withLock { $0 = .stopped } }
        try await running.stop(mode)
    }
}
