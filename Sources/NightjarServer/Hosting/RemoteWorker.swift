internal import Foundation
package import Logging
package import Nightjar
internal import NightjarCore
package import PostgresClient
internal import ServiceLifecycle

/// Executes the runs of all remote apps, by calling them. Stateless: any number may run, beside any number of servers.
///
/// Each app has a queue, slots and a circuit breaker of its own, so that one dead app does not occupy the worker. Apps and
/// functions that are registered while it works are taken up at once, by a notification, or at the next look.
package struct RemoteWorker: Service {
    /// Makes what calls an app. The gate holds back the claims of the app's runs; the pool is
    /// the worker's.
    package typealias MakeCaller =
        @Sendable (
            _ app: RemoteApp, _ gate: CallGate, _ pool: PostgresPool
        ) -> any AppCaller

    private let database: PostgresConfiguration
    private let configuration: WorkerConfiguration
    private let makeCaller: MakeCaller
    private let logger: Logger
    private let grantTurns = GrantTurns()
    /// Whether an app can be called from here; runs of others are left to other workers.
    var canCall: @Sendable (RemoteApp) -> Bool = { _ in true }

    /// - Parameters:
    ///   - database: Where the schema is.
    ///   - configuration: For each app: its concurrency is how many calls are made to one app at once.
    package init(
        database: PostgresConfiguration, configuration: WorkerConfiguration = WorkerConfiguration(),
        logger: Logger = Logger(label: "nightjar.work"), makeCaller: @escaping MakeCaller
    ) {
        self.database = database
        self.configuration = configuration
        self.logger = logger
        self.makeCaller = makeCaller
    }

    /// Works until the task is cancelled or a graceful shutdown has finished.
    ///
    /// - Throws: `NightjarError` when the schema is not this build's; `PostgresError` when the database cannot be reached
    ///   at the start. Later on it is waited for.
    package func run() async throws {
        var poolConfiguration = PostgresPool.Configuration()
        poolConfiguration.size = configuration.connections
        let pool = PostgresPool(
            database.forEngine(name: "nightjar work"), configuration: poolConfiguration, logger: logger)
        do {
            try await pool.withConnection { db in try Migrator.checkCurrent(db) }
            let changes = AppChanges(database: database.forEngine(name: "nightjar work"), logger: logger)
            let heartbeat = PostgresSession(database.forEngine(name: "nightjar work heartbeat"), logger: logger)
            await withTaskGroup { background in
                background.addTask { await changes.listen() }
                background.addTask { await changes.tellReady(pool) }
                background.addTask { [logger] in await CronClock(pool: pool, changes: changes, logger: logger).run() }
                defer { background.cancelAll() }
                await withGracefulShutdownHandler {
                    await withDiscardingTaskGroup { group in
                        await watch(changes, pool, heartbeat, &group)
                    }
                } onGracefulShutdown: {
                    changes.stop()
                }
            }
            await heartbeat.close()
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }

    /// Looks for apps whenever something was registered, and now and then; starts what is new, updates what has changed.
    private func watch(
        _ changes: AppChanges, _ pool: PostgresPool, _ heartbeat: PostgresSession,
        _ group: inout DiscardingTaskGroup
    ) async {
        var hosts: [Int32: RemoteHost] = [:]
        var unreadable: [String: String] = [:]
        var leftOut: Set<Int32> = []
        while !Task.isCancelled, !changes.areStopped {
            do {
                let found = try await pool.withConnection { db in try RemoteApp.readAll(db) }
                for (function, reason) in found.unreadable where unreadable[function] == nil {
                    logger.error(
                        "this build cannot read a function's options; its runs wait for a worker that can",
                        metadata: ["function": "\(function)", "error": "\(reason)"])
                }
                unreadable = found.unreadable
                for app in found.apps {
                    if let host = hosts[app.id] {
                        host.update(app)
                        continue
                    }
                    guard canCall(app) else {
                        if leftOut.insert(app.id).inserted {
                            logger.warning(
                                "an app is not called from here: its tenant has no signing key",
                                metadata: ["app": "\(app.name)", "tenant": "\(app.tenant)"])
                        }
                        continue
                    }
                    let host = RemoteHost(
                        app, pool: pool, database: database, heartbeat: heartbeat, grantTurns: grantTurns,
                        // One of them does what is everybody's.
                        doesChores: hosts.isEmpty, configuration: configuration,
                        logger: logger, makeCaller: makeCaller)
                    hosts[app.id] = host
                    changes.add(host)
                    logger.info("executing the runs of an app", metadata: ["app": "\(app.name)"])
                    group.addTask { await host.run() }
                }
            } catch {
                logger.warning("the database does not answer", metadata: ["error": "\(error)"])
            }
            await changes.wait(atMost: .seconds(2))
        }
    }
}
