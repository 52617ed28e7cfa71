import Foundation
import LocalPostgres
import Logging
import Nightjar

/// A database made for one scenario, and what is worth knowing of the machine beneath it.
struct BenchArena: Sendable {
    let database: PostgresConfiguration
    let machine: BenchMachine
    /// The temporary server's first process; nil when the server is somebody else's.
    let postmaster: Int32?
    private let server: PostgresConfiguration

    /// Makes the database, lends it, drops it.
    /// - Parameter settings: of the temporary server, besides the usual ones.
    static func with<T: Sendable>(
        _ options: BenchOptions, settings: [String: String] = [:], _ body: (BenchArena) async throws -> T
    ) async throws -> T {
        if let url = options.database {
            return try await with(server: try PostgresConfiguration(url: url), postmaster: nil, body)
        }
        let server = LocalPostgres(
            options: .init(
                durable: true,
                settings: ["max_wal_size": "4GB", "shared_buffers": "512MB"].merging(settings) { _, new in new }),
            logger: .quiet)
        try await server.start()
        do {
            let result = try await with(server: server.configuration(), postmaster: server.processID, body)
            try await server.stop()
            return result
        } catch {
            try? await server.stop(mode: .immediate)
            throw error
        }
    }

    /// Lends another database on the same server, for what is compared side by side.
    func withAnother<T: Sendable>(_ body: (BenchArena) async throws -> T) async throws -> T {
        try await Self.with(server: server, postmaster: postmaster, machine: machine, body)
    }

    private static func with<T: Sendable>(
        server: PostgresConfiguration, postmaster: Int32?, machine: BenchMachine? = nil,
        _ body: (BenchArena) async throws -> T
    ) async throws -> T {
        let name = "nightjar_bench_\(UUID().uuidString.prefix(8).lowercased())"
        let session = PostgresSession(server, logger: .quiet)
        try await session.run { db in try db.script("CREATE DATABASE \(name)") }
        var database = server
        database.keywords["dbname"] = name
        let result: Result<T, any Error>
        do {
            try await Migrator(database, logger: .quiet).migrate()
            let described: BenchMachine
            if let machine { described = machine } else { described = try await BenchMachine.describe(database) }
            result = .success(
                try await body(
                    BenchArena(database: database, machine: described, postmaster: postmaster, server: server)))
        } catch {
            result = .failure(error)
        }
        try? await session.run { db in try db.script("DROP DATABASE \(name) WITH (FORCE)") }
        await session.close()
        return try result.get()
    }

    /// Starts a worker, waits until it has registered, and stops it when `body` is done.
    func withWorker<T: Sendable>(
        _ functions: [FunctionDefinition], _ configuration: WorkerConfiguration = WorkerConfiguration(),
        _ body: @Sendable () async throws -> T
    ) async throws -> T {
        let worker = Worker(
            app: "bench", functions: functions, database: database, configuration: configuration, logger: .quiet)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            let session = PostgresSession(database, logger: .quiet)
            while try await session.run({ db in
                try db.query("SELECT NOT EXISTS (SELECT FROM nightjar.sessions WHERE NOT dead)")[0].decode(
                    0, as: Bool.self)
            }) { try await Task.sleep(for: .milliseconds(5)) }
            await session.close()
            let result = try await body()
            group.cancelAll()
            while await group.nextResult() != nil {}
            return result
        }
    }

    /// Makes functions known, without executing anything.
    func register(_ functions: [FunctionDefinition]) async throws {
        try await withWorker(functions) {}
    }

    /// Executes commands without parameters on a connection of their own.
    func script(_ commands: String...) async throws {
        let session = PostgresSession(database, logger: .quiet)
        // Making a million rows may take longer than a statement otherwise should.
        try await session.run { db in
            try db.script("SET statement_timeout = 0")
            for command in commands { try db.script(command) }
        }
        await session.close()
    }
}
