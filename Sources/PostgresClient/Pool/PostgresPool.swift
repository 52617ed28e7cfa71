public import Logging
public import ServiceLifecycle
import Synchronization

/// A fixed number of connections shared by many tasks, each connection with a thread of its own.
///
/// ```swift
/// let total = try await pool.transaction { db in
///     try db.execute("insert into orders (id) values ($1)", [id])
///     return try db.query("select count(*) from orders").first!.decode(0, as: Int.self)
/// }
/// ```
///
/// The closure is synchronous: inside a transaction there is nothing to wait for but the database. Connections are
/// opened when needed and replaced when lost. Settings made by `SET`, and `LISTEN`, are undone when the closure
/// ends; `set_config` is not noticed unless its third argument, which limits it to the transaction, is `true`.
public final class PostgresPool: Sendable, Service {
    let configuration: Configuration
    let slots: SlotQueue
    private let logger: Logger
    private let links: [ConnectionLink]
    private let backOff: Mutex<BackOff>

    /// Makes a pool; nothing is connected yet, and `run` need not be called for it to work.
    public init(
        _ connection: PostgresConfiguration, configuration: Configuration = Configuration(), logger: Logger
    ) {
        precondition(configuration.size > 0, "a pool needs at least one connection; set size to 1 or more")
        self.configuration = configuration
        self.logger = logger
        slots = SlotQueue(configuration)
        let habits = ConnectionLink.Habits(isShared: true, testsAfter: configuration.testsAfterIdle)
        links = (0..<configuration.size).map { index in
            ConnectionLink(connection, habits: habits, name: "pg-pool-\(index)", logger: logger)
        }
        backOff = Mutex(
            BackOff(
                initial: configuration.reconnectDelay, maximum: configuration.maximumReconnectDelay,
                jitter: configuration.reconnectJitter))
    }

    /// Calls `body` once with a connection, on the connection's thread.
    ///
    /// Callers get their turn in the order of arrival. When the task is cancelled, waiting ends at once and a running
    /// statement is ended on the server. A transaction that `body` leaves open is rolled back and reported.
    ///
    /// - Throws: What `body` throws; ``PostgresError`` with code `poolExhausted`, `poolClosed` or `connectionFailed`
    ///   when there is no connection to be had; `CancellationError` when the task is cancelled.
    @discardableResult
    public func withConnection<T: Sendable>(
        _ body: @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        let deadline = ContinuousClock.now + configuration.waiterTimeout
        let settings = configuration.lending?() ?? [:]
        let slot = try await slots.acquire(until: deadline)
        while true {
            let cancellation = StatementCancellation()
            let outcome = await withTaskCancellationHandler {
                await links[slot].run(cancellation, settings: settings, body)
            } onCancel: {
                cancellation.request()
            }
            switch outcome {
            case .done(let result, let connected):
                if connected { backOff.withLock { $0.succeeded() } }
                slots.release(slot, connected: connected)
                return try result.getMappingCancellation()
            case .unreachable(let error):
                do { try await pause(after: error, until: deadline) } catch {
                    slots.release(slot, connected: false)
                    throw error
                }
            }
        }
    }

    /// Whether connections are lent under settings of their callers.
    package var lendsSettings: Bool { configuration.lending != nil }

    /// Runs until the service group shuts down or the task is cancelled, then closes the pool.
    public func run() async throws {
        // Cancellation is the other way to be told to end; in both cases the pool closes in good order.
        try? await gracefulShutdown()
        await close()
    }

    /// Refuses new callers, lets running bodies finish, closes the connections and ends their threads.
    public func close() async {
        await slots.close()
        for link in links {
            await link.close()
            await link.stopThread()
        }
    }

    /// Waits before the next attempt to connect, or throws if there should be none.
    private func pause(after error: any Error, until deadline: ContinuousClock.Instant) async throws {
        guard let failure = error as? PostgresError, failure.isRetryable, !slots.isClosed else { throw error }
        let delay = backOff.withLock { $0.failed(random: Double.random(in: 0..<1)) }
        guard ContinuousClock.now + delay < deadline else { throw failure }
        logger.warning(
            "no database connection, trying again",
            metadata: [LogKey.error: "\(failure)", LogKey.delay: "\(Int(delay / .milliseconds(1)))"])
        try await Task.sleep(for: delay)
    }
}
