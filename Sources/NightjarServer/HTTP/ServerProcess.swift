internal import AsyncHTTPClient
internal import Foundation
package import Logging
package import Nightjar
internal import ServiceLifecycle

/// What `nightjar serve` and `nightjar dev` run: the server, and all that goes with it.
///
/// It is a `Service`: it ends when it is told to shut down, after the requests in flight.
package struct ServerProcess: Service {
    private let database: PostgresConfiguration
    private let configuration: ServerConfiguration
    private let logger: Logger
    private let onListening: @Sendable (ServerConfiguration, Int) async -> Void

    /// - Parameters:
    ///   - database: Where the schema is; `nightjar migrate` has made it.
    ///   - onListening: Told once requests are taken: under which configuration, since stored keys make a difference, and at
    ///     which port.
    package init(
        database: PostgresConfiguration, configuration: ServerConfiguration,
        logger: Logger = Logger(label: "nightjar.serve"),
        onListening: @escaping @Sendable (ServerConfiguration, Int) async -> Void = { _, _ in }
    ) {
        self.database = database
        self.configuration = configuration
        self.logger = logger
        self.onListening = onListening
    }

    /// Serves until the task is cancelled or a graceful shutdown has finished.
    ///
    /// - Throws: `NightjarError` when the schema is not this build's, or when it would listen to others without any key;
    ///   `PostgresError` when the database cannot be reached at the start. Later on it is waited for.
    package func run() async throws {
        var poolConfiguration = PostgresPool.Configuration()
        poolConfiguration.size = configuration.connections
        poolConfiguration.waiterTimeout = .seconds(10)
        let pool = PostgresPool(
            database.forRequests, configuration: poolConfiguration.forRequests, logger: logger)
        let replica = configuration.replica.map { replica in
            var replica = replica
            replica.settings["default_transaction_read_only"] = "on"
            // While it is down, whoever asks is not to wait for it.
            poolConfiguration.waiterTimeout = .seconds(1)
            return PostgresPool(
                replica.forEngine(name: "nightjar serve"), configuration: poolConfiguration.forRequests, logger: logger)
        }
        let result: Result<Void, any Error>
        do {
            result = .success(try await serve(pool, replica))
        } catch {
            result = .failure(error)
        }
        await replica?.close()
        await pool.close()
        try result.get()
    }

    private func serve(_ pool: PostgresPool, _ replica: PostgresPool?) async throws {
        var configuration = configuration
        let tenant = try await pool.withConnection { db in
            try Migrator.checkCurrent(db)
            return try ServerTenant.read(db)
        }
        configuration.keys.areStored = tenant.hasEventKeys
        configuration.keys.signingIsStored = tenant.hasSigningKeys
        try configuration.checkReach()
        let housekeeper = Housekeeper(pool: pool, database: database, logger: logger)
        // After a long time without anything that runs the last part of the logs may be near its end.
        try await housekeeper.makePartitions()
        let services = ServerServices(
            pool: pool, replica: replica, configuration: configuration, tenant: tenant.id, logger: logger)
        await services.reads.look()
        let (listening, begin) = AsyncStream.makeStream(of: Void.self)
        let server = Server(services: services) { [onListening, configuration] port in
            begin.yield()
            await onListening(configuration, port)
        }
        try await withThrowingTaskGroup(of: Void.self) { background in
            background.addTask { await housekeeper.run() }
            background.addTask { await services.reads.watch() }
            background.addTask { await PoolMetrics(pool, name: "serve").run() }
            defer { background.cancelAll() }
            // All of them end when the process is told to shut down; an error of one ends the others.
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    defer { begin.finish() }
                    try await server.run()
                }
                group.addTask {
                    // Whoever cannot listen does not begin to work either.
                    var isListening = false
                    for await _ in listening {
                        isListening = true
                        break
                    }
                    if isListening { try await companions(of: services, database: database).run() }
                }
                try await group.waitForAll()
            }
        }
    }
}

extension PostgresConfiguration {
    /// The settings of connections with which requests are served.
    var forRequests: PostgresConfiguration {
        // With the planner's settings of the engine: statistics are stale half of the time.
        var database = forEngine(name: "nightjar serve")
        // Events of requests share a statement with one whose id somebody's transaction holds: they are not to wait for long.
        database.settings["lock_timeout"] = "1s"
        database.settings["nightjar.hints"] = "kept"
        return database
    }
}
