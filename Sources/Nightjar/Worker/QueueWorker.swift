package import Logging
internal import NightjarCore
package import PostgresClient
internal import ServiceLifecycle

/// Claims and executes the runs of one app's queue, whose functions come and go: see ``Worker`` for native apps.
package final class QueueWorker: Sendable {
    private let engine: WorkerEngine

    /// The app's queue.
    package let queue: Int32

    /// - Parameters:
    ///   - app: The app's name.
    ///   - queue: The app's queue.
    ///   - functions: By the numbers under which runs name them; see ``update(_:)``.
    ///   - pool: Shared with others; not closed here.
    ///   - heartbeat: A connection for the heartbeats of all that share it; not closed here.
    ///   - grantTurns: Of those that share the pool.
    ///   - doesChores: Whether it does what is everybody's, too: one a process is enough.
    package init(
        app: String, queue: Int32, functions: [Int32: RunnableFunction], pool: PostgresPool,
        database: PostgresConfiguration, heartbeat: PostgresSession, grantTurns: GrantTurns, doesChores: Bool,
        configuration: WorkerConfiguration, logger: Logger
    ) {
        // Somebody listens for all of them: see ``heard(_:)``.
        var configuration = configuration
        configuration.listens = false
        self.queue = queue
        var logger = logger
        logger[metadataKey: LogKey.app] = "\(app)"
        engine = WorkerEngine(
            app: app, registration: Registration(queue: queue, functions: functions), pool: pool,
            database: database.forEngine(name: "nightjar worker \(app)"), heartbeat: heartbeat,
            doesChores: doesChores, grantTurns: grantTurns, configuration: configuration, logger: logger)
    }

    /// Works until the task is cancelled or a graceful shutdown has finished.
    package func run() async throws {
        try await withGracefulShutdownHandler {
            try await engine.run()
        } onGracefulShutdown: { [engine] in
            engine.shutDown()
        }
    }

    /// The channel on which the hints come that ``heard(_:)`` is for.
    package static let channel = Hint.channel

    /// Takes a notification, but for its word that some run is ready: see ``readyQueues(_:among:)``.
    package func heard(_ payload: String) { engine.heard(payload, ready: false) }

    /// There is something to claim.
    package func hinted() { engine.hinted() }

    /// Whether a notification says that some run is ready.
    package static func isReady(_ payload: String) -> Bool { Hint.parse(payload).contains(.ready) }

    /// The queues in which a run can be claimed: one question, however many wait for an answer. See `ready_queues.sql`.
    package static func readyQueues(_ db: PostgresConnection, among queues: [Int32]) throws -> [Int32] {
        try db.query(Statement.readyQueues.sql, [queues]).map { try $0.decode(0) }
    }

    /// What was notified while nobody listened is lost: looks once.
    package func listening() { engine.listening() }

    /// Takes the functions as they are from now on.
    package func update(_ functions: [Int32: RunnableFunction]) {
        engine.update(Registration(queue: engine.registration.queue, functions: functions))
    }

    /// Claims nothing until then, and after that one run at a time, until ``resume()``.
    package func suspend(until instant: ContinuousClock.Instant) { engine.suspend(until: instant) }

    /// Claims as usual.
    package func resume() { engine.resume() }
}
