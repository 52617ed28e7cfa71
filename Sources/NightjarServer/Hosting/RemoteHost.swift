internal import Logging
internal import Nightjar
internal import NightjarCore
internal import PostgresClient
internal import Synchronization

/// Executes the runs of one remote app.
final class RemoteHost: Sendable {
    private let app: Mutex<RemoteApp>
    private let worker: QueueWorker
    private let caller: any AppCaller
    private let logger: Logger

    init(
        _ app: RemoteApp, pool: PostgresPool, database: PostgresConfiguration, heartbeat: PostgresSession,
        grantTurns: GrantTurns, doesChores: Bool,
        configuration: WorkerConfiguration,
        logger: Logger, makeCaller: RemoteWorker.MakeCaller
    ) {
        let gate = CallGate()
        let caller = makeCaller(app, gate, pool)
        self.app = Mutex(app)
        self.caller = caller
        self.logger = logger
        worker = QueueWorker(
            app: app.name, queue: app.id, functions: Self.functions(of: app, caller), pool: pool, database: database,
            heartbeat: heartbeat, grantTurns: grantTurns, doesChores: doesChores,
            configuration: configuration, logger: logger)
        gate.open(for: worker)
    }

    /// Works until the task is cancelled or a graceful shutdown has finished.
    func run() async {
        while !Task.isCancelled {
            do {
                return try await worker.run()
            } catch {
                // It could not begin. Another try, rather than the end of all other apps' work.
                logger.warning("the database does not answer", metadata: ["error": "\(error)"])
                try? await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// Takes a notification of the engine's.
    func heard(_ payload: String) { worker.heard(payload) }

    /// The app's queue.
    var queue: Int32 { worker.queue }

    /// There is something to claim.
    func hinted() { worker.hinted() }

    /// The app has just been heard of.
    func reachable() {
        caller.reachable()
        worker.resume()
    }

    /// What was notified while nobody listened is lost: looks once.
    func listening() { worker.listening() }

    /// Takes the app as it is registered now.
    func update(_ now: RemoteApp) {
        let hasChanged = app.withLock { app in
            defer { app = now }
            return app != now
        }
        guard hasChanged else { return }
        worker.update(Self.functions(of: now, caller))
    }

    private static func functions(of app: RemoteApp, _ caller: any AppCaller) -> [Int32: RunnableFunction] {
        Dictionary(
            uniqueKeysWithValues: app.functions.map { function in
                (
                    function.id,
                    RunnableFunction(
                        id: function.name, finishTimeout: function.options.finishTimeout,
                        isLimited: !function.options.limits.isEmpty
                    ) { run in
                        await caller.execute(run, of: function)
                    }
                )
            })
    }
}
