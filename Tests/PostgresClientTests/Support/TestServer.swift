import LocalPostgres
import Logging
import PostgresClient

/// One server for all tests of the process; its watchdog removes it when the process ends.
actor TestServer {
    static let shared = TestServer()

    private var starting: Task<LocalPostgres, any Error>?

    /// A server that listens at 127.0.0.1 as well.
    static var running: LocalPostgres {
        get async throws { try await shared.start() }
    }

    static func configuration() async throws -> PostgresConfiguration {
        try await running.configuration()
    }

    private func start() async throws -> LocalPostgres {
        if let starting { return try await starting.value }
        let task = Task {
            let options = LocalPostgres.Options(loopbackPort: 0, settings: ["max_connections": "200"])
            let server = LocalPostgres(options: options, logger: .silent)
            try await server.start()
            return server
        }
        starting = task
        return try await task.value
    }
}

extension Logger {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}
