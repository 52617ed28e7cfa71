package import Logging
package import Nightjar
internal import ServiceLifecycle

/// What `nightjar work` runs: the execution of the runs of apps, without a server.
package struct WorkProcess: Service {
    private let database: PostgresConfiguration
    private let configuration: ServerConfiguration
    private let logger: Logger

    package init(database: PostgresConfiguration, configuration: ServerConfiguration, logger: Logger) {
        self.database = database
        self.configuration = configuration
        self.logger = logger
    }

    /// Works until the task is cancelled or a graceful shutdown has finished.
    package func run() async throws {
        try await Execution.services(for: configuration, database: database, logger: logger).run()
    }
}
