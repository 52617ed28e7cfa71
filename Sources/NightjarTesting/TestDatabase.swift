internal import Foundation
package import LocalPostgres
internal import Logging
public import Nightjar
internal import Synchronization

/// A database of its own for a test, with Nightjar's schema, on a throw-away PostgreSQL server.
///
/// The first one starts the server (half a second) and makes a template; each further one is a copy of it (about 50 ms).
/// The server listens on a unix socket only, and stops with the process, however that ends.
///
/// ```swift
/// @Test func publishes() async throws {
///     try await TestDatabase.with { database in
///         let client = Client(database: database.configuration)
///         …
///     }
/// }
/// ```
public struct TestDatabase: Sendable {
    /// The database's name.
    public let name: String
    /// How to connect to it, as a superuser.
    public let configuration: PostgresConfiguration
    private let server: LocalPostgres

    /// Creates a database, lends it to `body`, drops it.
    public static func with<T: Sendable>(_ body: (TestDatabase) async throws -> T) async throws -> T {
        let database = try await make()
        do {
            let result = try await body(database)
            await database.drop()
            return result
        } catch {
            await database.drop()
            throw error
        }
    }

    /// Creates a database. The caller drops it, or leaves that to the end of the process.
    public static func make() async throws -> TestDatabase {
        let server = try await TestServer.shared.value()
        let name = "t_" + UUID().uuidString.lowercased().replacingOccurrences(of: "-", with: "")
        try await server.createDatabase(name, template: TestServer.template)
        return TestDatabase(name: name, configuration: server.configuration(database: name), server: server)
    }

    /// A database on a server that the test may stop and crash.
    package static func onServerOfItsOwn(
        settings: [String: String] = [:]
    ) async throws -> (LocalPostgres, TestDatabase) {
        let server = try await TestServer.start(settings)
        return (
            server,
            TestDatabase(
                name: TestServer.template, configuration: server.configuration(database: TestServer.template),
                server: server)
        )
    }

    /// The same database by another way to connect to it, such as another role.
    package func reached(by configuration: PostgresConfiguration) -> TestDatabase {
        TestDatabase(name: name, configuration: configuration, server: server)
    }

    /// Drops the database, with whoever is still connected.
    public func drop() async {
        try? await server.dropDatabase(name)
    }
}

/// The process's one server, started by whoever asks first.
private actor TestServer {
    static let shared = TestServer()
    static let template = "nightjar_template"

    private var starting: Task<LocalPostgres, any Error>?

    func value() async throws -> LocalPostgres {
        if let starting { return try await starting.value }
        let task = Task { try await Self.start() }
        starting = task
        return try await task.value
    }

    static func start(_ settings: [String: String] = [:]) async throws -> LocalPostgres {
        let logger = Logger(label: "nightjar.testing") { _ in SwiftLogNoOpLogHandler() }
        let server = try await LocalPostgres.throwAway(
            settings: [
                // Committed means committed, also for a backend that is killed; only the disk is spared.
                "synchronous_commit": "on",
                "max_connections": "600",
                "deadlock_timeout": "100ms",
                "autovacuum_naptime": "5s",
            ].merging(settings) { _, new in new }, logger: logger)
        try await server.createDatabase(Self.template, template: nil)
        try await Migrator(server.configuration(database: Self.template), logger: logger).migrate()
        return server
    }
}
