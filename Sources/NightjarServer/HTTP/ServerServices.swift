package import Logging
package import Nightjar

/// What the handlers of requests share.
package struct ServerServices: Sendable {
    package let pool: PostgresPool
    /// For what changes nothing and need not see what has just been written.
    let reads: ReadSource
    package let client: Client
    package let configuration: ServerConfiguration
    package let logger: Logger
    /// Takes in the events of requests.
    let intake: EventIntake
    /// Who may send events.
    let eventKeys: EventKeys
    /// Registers apps.
    let registry: AppRegistry
    /// Asks apps to register.
    var appSync: AppSync {
        AppSync(registry: registry, kind: configuration.kind, keys: configuration.keys.signing)
    }

    /// - Parameter replica: The connections to a standby of the same database.
    package init(
        pool: PostgresPool, replica: PostgresPool? = nil, client: Client, configuration: ServerConfiguration,
        logger: Logger
    ) {
        self.pool = pool
        reads = ReadSource(
            primary: pool, replica: replica, maximumLag: configuration.replicaLag, logger: logger)
        self.client = client
        self.configuration = configuration
        self.logger = logger
        intake = EventIntake(client: client)
        registry = AppRegistry(pool: pool, logger: logger)
        eventKeys = EventKeys(pool: pool, keys: configuration.keys)
    }
}
