import Foundation
import LocalPostgres
import Logging
import Nightjar

/// The PostgreSQL server of `nightjar dev`, with one database in it.
struct DevelopmentServer {
    static let databaseName = "nightjar"

    let directory: DevelopmentDirectory
    /// Whether this start made the files.
    let isNew: Bool
    private let server: LocalPostgres

    /// Starts the server, and makes what is missing.
    static func start(in directory: DevelopmentDirectory, logger: Logger) async throws -> DevelopmentServer {
        let data = directory.url.appending(path: "data").path(percentEncoded: false)
        let isNew = !FileManager.default.fileExists(atPath: data)
        // It is kept, so unlike a throw-away server it is durable.
        let server = LocalPostgres(options: .init(directory: directory.url, durable: true), logger: logger)
        try await server.start()
        do {
            try await makeDatabase(server)
            let result = DevelopmentServer(directory: directory, isNew: isNew, server: server)
            try directory.write(
                .init(url: result.url, processID: ProcessInfo.processInfo.processIdentifier))
            return result
        } catch {
            try? await server.stop()
            throw error
        }
    }

    var configuration: PostgresConfiguration { server.configuration(database: Self.databaseName) }

    var processID: Int32? { server.processID }

    /// The connection string, for Nightjar, psql and every other client of libpq.
    var url: String { ConnectionURL.text(of: configuration) }

    func stop() async throws {
        directory.removeNotice()
        try await server.stop()
    }

    private static func makeDatabase(_ server: LocalPostgres) async throws {
        do {
            try await server.createDatabase(databaseName)
        } catch let error as PostgresError where error.sqlState == .duplicateDatabase {
            return
        }
        let session = PostgresSession(
            server.configuration(), logger: Logger(label: "nightjar") { _ in SwiftLogNoOpLogHandler() })
        // A transaction forgotten at some prompt would keep vacuum from its work for as long as the prompt is open.
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await session.run { db in
                    try db.script("ALTER DATABASE nightjar SET idle_in_transaction_session_timeout = '10min'")
                })
        } catch { result = .failure(error) }
        await session.close()
        try result.get()
    }
}
