package import Logging
internal import NightjarCore
package import PostgresClient
internal import ServiceLifecycle

/// Claims and executes the runs of one app's queue, whose functions come and go: see ``Worker`` for native apps.
package final class QueueWorker: Sendable {
    private let engine: WorkerEngine

    /// - Parameters:
    ///   - app: The app's name.
    ///   - queue: The app's queue.
    ///   - functions: By the numbers under which runs name them; see ``update(_:)``.
    ///   - pool: Shared with others; not closed here.
    ///   - heartbeat: A connection for the heartbeats of all that share it; not closed here.
    package init(
        app: String, queue: Int32, functions: [Int32: RunnableFunction], pool: PostgresPool,
        database: PostgresConfiguration, heartbeat: PostgresSession, configuration: WorkerConfiguration, logger: Logger
    ) {
        // Somebody listens for all of them: see ``heard(_:)``.
        var configuration = configuration
        configuration.listens = false
        var logger = logger
        logger[metadataKey: LogKey.app] = "\(app)"
        engine = WorkerEngine(
            app: app, registration: Registration(queue: queue, functions: functions), pool: pool,
            database: database.forEngine(name: "nightjar worker \(app)"), heartbeat: heartbeat,
            configuration: configuration, logger: logger)
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

    /// Takes a notification.
    package func heard(_ payload: String) { engine.heard(payload) }

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
