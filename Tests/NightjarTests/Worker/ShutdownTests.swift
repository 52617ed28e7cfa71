import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// How a worker goes in good order.
struct ShutdownTests {
    @Test("A graceful shutdown lets steps finish and hands the rest back")
    func shutdown() async throws {
        let job = HeldJob(key: "slow")
        try await TestDatabase.with { database in
            var configuration = WorkerConfiguration()
            configuration.concurrency = 1
            let engineHolder = try await WorkerEngine.forTest(
                [job.function], database: database, app: "shutdown", configuration: configuration)
            let client = Client(database: database.configuration, logger: .silent)
            try await client.send(TestJob(key: "slow"))
            async let running: Void = engineHolder.run()
            try await job.started.wait()
            try await client.send((0..<10).map { try NewEvent(TestJob(key: "later \($0)")) })
            engineHolder.shutDown()
            job.release.set()
            try await running
            #expect(job.log.lines == ["slow"])
            let watcher = try await Probe(database)
            #expect(try await watcher.value("SELECT count(*) FROM nightjar.live WHERE state = 0", as: Int64.self) == 10)
            #expect(
                try await watcher.value(
                    "SELECT count(*) FROM nightjar.sessions WHERE name LIKE 'shutdown%' AND NOT dead", as: Int64.self)
                    == 0)
            #expect(try await watcher.violations() == [])
            await client.close()
        }
    }
}

extension WorkerEngine {
    /// A worker's engine without the worker around it.
    static func forTest(
        _ functions: [FunctionDefinition], database: TestDatabase, app: String, configuration: WorkerConfiguration
    ) async throws -> WorkerEngine {
        let engineDatabase = database.configuration.forEngine(name: "test")
        let pool = PostgresPool(engineDatabase, logger: .silent)
        let all = try Registration.check(functions)
        let registration = try await pool.transaction { db in try Registration.make(db, app: app, functions: all) }
        return WorkerEngine(
            app: app, registration: registration, pool: pool, database: engineDatabase, configuration: configuration,
            logger: .silent)
    }
}
