import Foundation
import Logging
import Nightjar
import NightjarTesting
import TestSupport
import Testing

/// A worker in this process, for the duration of a closure.
struct RunningWorker {
    static func with<T: Sendable>(
        _ functions: [FunctionDefinition], in database: TestDatabase, app: String = "test",
        tenants: ServedTenants = .connection,
        configure: (inout WorkerConfiguration) -> Void = { _ in }, logger: Logger = .silent,
        _ body: @Sendable (Client) async throws -> T
    ) async throws -> T {
        var configuration = WorkerConfiguration()
        configuration.gracePeriod = .seconds(2)
        // On a busy machine a late heartbeat would have bodies executed again, rightly, and count as a failure.
        configuration.sessionTimeToLive = .seconds(120)
        configure(&configuration)
        let worker = Worker(
            app: app, tenants: tenants, functions: functions, database: database.configuration,
            configuration: configuration,
            logger: logger)
        let client = Client(database: database.configuration, logger: .silent)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            do {
                try await registered(functions, database)
                let result = try await body(client)
                group.cancelAll()
                while let _ = await group.nextResult() {}
                await client.close()
                return result
            } catch {
                group.cancelAll()
                while let _ = await group.nextResult() {}
                await client.close()
                throw error
            }
        }
    }

    /// Events sent before a function is registered start nothing.
    private static func registered(_ functions: [FunctionDefinition], _ database: TestDatabase) async throws {
        let connection = PostgresSession(database.configuration, logger: .silent)
        let ids = functions.map(\.id)
        try await eventually("the functions are registered") {
            try await connection.run { db in
                try db.query("SELECT count(*) FROM nightjar.functions WHERE name = ANY ($1)", [ids])[0].decode(
                    0, as: Int64.self)
            } == Int64(ids.count)
        }
        await connection.close()
    }
}
