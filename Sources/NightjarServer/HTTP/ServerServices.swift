package import Logging
package import Nightjar

/// What the handlers of requests share.
package struct ServerServices: Sendable {
    package let pool: PostgresPool
    /// For what changes nothing and need not see what has just been written.
    let reads: ReadSource
    package let client: Client
    package let configuration: ServerConfiguration
    /// The tenant of the server's connections: for whom it acts where no key says it.
    let tenant: Int32
    package let logger: Logger
    /// Takes in the events of requests.
    let intake: EventIntake
    /// Who may send events.
    let eventKeys: EventKeys
    /// Who may use the API.
    let signingKeyOwners: SigningKeyOwners
    /// Registers apps.
    let registry: AppRegistry
    private let signingKeys: TenantSigningKeys
    /// Asks apps to register.
    var appSync: AppSync {
        AppSync(registry: registry, kind: configuration.kind, keys: signingKeys.current)
    }

    /// - Parameters:
    ///   - pool: Configured by ``PostgresPool/Configuration/forRequests``.
    ///   - replica: The connections to a standby of the same database; configured in the same way.
    ///   - tenant: The tenant of the pool's connections.
    package init(
        pool: PostgresPool, replica: PostgresPool? = nil, configuration: ServerConfiguration, tenant: Int32,
        logger: Logger
    ) {
        precondition(
            pool.lendsSettings && replica?.lendsSettings ?? true,
            "requests would all act for one tenant; configure the pools with forRequests")
        self.pool = pool
        reads = ReadSource(
            primary: pool, replica: replica, maximumLag: configuration.replicaLag, logger: logger)
        client = Client(sharing: pool, writers: 3, logger: logger)
        self.configuration = configuration
        self.tenant = tenant
        self.logger = logger
        intake = EventIntake(client: client)
        registry = AppRegistry(pool: pool, logger: logger)
        let givenOwner = GivenKeyOwner(pool: pool, tenant: tenant)
        eventKeys = EventKeys(pool: pool, keys: configuration.keys, givenOwner: givenOwner)
        let given = configuration.keys.signing
        signingKeyOwners = SigningKeyOwners(pool: pool, given: given, givenOwner: givenOwner)
        signingKeys = TenantSigningKeys(pool: pool, tenant: tenant, given: given)
    }
}
