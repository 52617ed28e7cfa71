internal import Foundation
public import Logging
public import NightjarCore
public import PostgresClient
public import ServiceLifecycle

/// Executes the runs of an app's functions. Stateless: start any number of them, anywhere, stop them at any time.
///
/// ```swift
/// let worker = Worker(app: "blog", functions: [publishPost], database: try .init(url: "postgres://…"))
/// try await worker.runUntilSignal()
/// ```
///
/// It is a `Service`: in a `ServiceGroup` of your own it shuts down gracefully with the group, which is to say it claims
/// nothing more, lets steps finish for a grace period, and hands the rest back.
public struct Worker: Service {
    let app: String
    let tenants: ServedTenants
    let functions: [FunctionDefinition]
    let database: PostgresConfiguration
    let configuration: WorkerConfiguration
    let logger: Logger

    /// Creates a worker. Nothing happens before ``run()``.
    /// - Parameters:
    ///   - app: the name under which these functions are known; all workers of it must have the same functions.
    ///   - tenants: whose runs it executes. A shared app is another than one tenant's own of that name.
    ///   - functions: what this worker executes.
    ///   - database: where the schema is; `nightjar migrate` has made it.
    public init(
        app: String, tenants: ServedTenants = .connection, functions: [FunctionDefinition],
        database: PostgresConfiguration, configuration: WorkerConfiguration = WorkerConfiguration(),
        logger: Logger = Logger(label: "nightjar.worker")
    ) {
        self.app = app
        self.tenants = tenants
        self.functions = functions
        self.database = tenants.database(database)
        self.configuration = configuration
        var logger = logger
        logger[metadataKey: LogKey.app] = "\(app)"
        self.logger = logger
    }

    /// Works until the task is cancelled or a graceful shutdown has finished.
    ///
    /// - Throws: ``NightjarError`` when a definition is wrong or the schema is not this build's; `PostgresError` when the
    ///   database cannot be reached at the start. Later on it is waited for.
    public func run() async throws {
        let all = try Registration.check(functions)
        for function in all {
            for policy in function.cancelPolicies {
                for warning in policy.warnings {
                    logger.warning(
                        "a cancellation policy is slow or wide",
                        metadata: [
                            LogKey.function: "\(function.id)", LogKey.event: "\(policy.event)",
                            LogKey.policy: "\(policy.text ?? "matchAll")", LogKey.reason: "\(warning)",
                        ])
                }
            }
        }
        let problems = configuration.problems
        guard problems.isEmpty else {
            throw NightjarError(.invalidFunction, "worker of \"\(app)\": " + problems.joined(separator: "; "))
        }
        let engineDatabase = database.forEngine(name: "nightjar worker \(app)")
        var poolConfiguration = PostgresPool.Configuration()
        poolConfiguration.size = configuration.connections
        let pool = PostgresPool(engineDatabase, configuration: poolConfiguration, logger: logger)
        do {
            let registration = try await pool.transaction(retries: 3) { [app, tenants] db in
                try Migrator.state(db, Migration.all).checkCurrent()
                return try Registration.make(db, app: app, tenants: tenants, functions: all)
            }
            // After a long time without any worker the last partition may be near its end.
            try await Housekeeper(pool: pool, database: engineDatabase, logger: logger).makePartitions()
            let engine = WorkerEngine(
                app: app, registration: registration, pool: pool, database: engineDatabase,
                configuration: configuration,
                logger: logger)
            try await withGracefulShutdownHandler {
                try await engine.run()
            } onGracefulShutdown: {
                engine.shutDown()
            }
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }
}
