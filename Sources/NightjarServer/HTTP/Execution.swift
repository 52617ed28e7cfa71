internal import Logging
internal import Nightjar
internal import ServiceLifecycle

/// The one place that says what executes the runs of apps in a process: `serve`, `work` and `dev` alike.
enum Execution {
    /// What executes; each ends when the process is told to shut down.
    static func services(for configuration: ServerConfiguration, database: PostgresConfiguration, logger: Logger)
        -> [any Service]
    {
        [RemoteExecutionService(configuration: configuration, database: database, logger: logger)]
    }
}

extension [any Service] {
    /// Runs all of them; an error of one ends the others.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in self { group.addTask { try await service.run() } }
            try await group.waitForAll()
        }
    }
}
