internal import Nightjar
internal import ServiceLifecycle

extension ServerProcess {
    /// What runs beside the server, in the same process. Each ends when the process is told to shut down.
    func companions(of services: ServerServices, database: PostgresConfiguration) -> [any Service] {
        let configuration = services.configuration
        var companions: [any Service] = []
        if !configuration.appURLs.isEmpty { companions.append(AppPoller(services: services)) }
        if configuration.executes {
            companions += Execution.services(for: configuration, database: database, logger: services.logger)
        }
        return companions
    }
}
