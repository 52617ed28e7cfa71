import CoreMetrics
import Foundation
import Logging
import Nightjar
import NightjarMetrics

struct Work: EventData {
    static let eventName = "test/work"
    var number: Int
}

struct Stop: EventData {
    static let eventName = "test/stop"
    var number: Int
}

/// A worker process whose steps write down that they are executed, and wait until the test lets them go.
///
/// Arguments: the database, a name for this process, the session's time to live and the grace period in milliseconds, and
/// `metrics` if it is to expose any; then it says at which port; or `limits`, to execute ``LimitedFunction`` too.
@main
enum TestWorker {
    static func main() async throws {
        LoggingSystem.bootstrap { _ in SwiftLogNoOpLogHandler() }
        // The test holds the other end: when it ends, however, so does this process.
        Thread.detachNewThread {
            while let data = try? FileHandle.standardInput.read(upToCount: 1), !data.isEmpty {}
            exit(0)
        }
        let arguments = CommandLine.arguments
        let isLimited = arguments.count > 5 && arguments[5] == "limits"
        let registry = arguments.count > 5 && !isLimited ? PrometheusRegistry() : nil
        if let registry { MetricsSystem.bootstrap(registry) }
        let database = try PostgresConfiguration(url: arguments[1])
        let name = arguments[2]
        var configuration = WorkerConfiguration()
        configuration.concurrency = 50
        configuration.sessionTimeToLive = .milliseconds(Int(arguments[3]) ?? 10_000)
        configuration.gracePeriod = .milliseconds(Int(arguments[4]) ?? 20_000)
        configuration.pollInterval = .milliseconds(200)

        var connections = PostgresPool.Configuration()
        if isLimited { connections.size = 20 }
        let pool = PostgresPool(database, configuration: connections, logger: Logger(label: "test"))
        let described = Function("work", on: Work.self).retries(0)
            .cancelOn(Stop.self, match: \.number)
            .onCancel { _, step in try await step.run("undone") { try await note("undone", name, pool) } }
        let function = described.run { event, step in
            try await step.run("quick") { try await note("quick", name, pool) }
            try await step.run("held") {
                try await note("held", name, pool)
                // Asks the database, since the test is another process; stops when the run is taken away.
                while try await !pool.withConnection({ db in
                    try db.query("SELECT EXISTS (SELECT FROM released), pg_sleep(0.02)")[0].decode(0, as: Bool.self)
                }) {}
            }
            return event.data.number
        }
        let functions = isLimited ? [function, LimitedFunction.function(name, pool)] : [function]
        let worker = Worker(app: "test", functions: functions, database: database, configuration: configuration)
        try await worker.runUntilSignal(beside: registry.map { [endpoint($0, database)] } ?? [])
        await pool.close()
    }

    private static func endpoint(_ registry: PrometheusRegistry, _ database: PostgresConfiguration) -> MetricsEndpoint {
        var place = MetricsEndpoint.Configuration()
        place.port = 0
        place.databaseAge = .milliseconds(1)
        return MetricsEndpoint(registry, configuration: place, database: database) { port in
            FileHandle.standardOutput.write(Data("metrics at port \(port).\n".utf8))
        }
    }

    private static func note(_ step: String, _ process: String, _ pool: PostgresPool) async throws {
        let run = StepContext.current?.runID
        try await pool.withConnection { db in
            try db.execute("INSERT INTO executed (run_id, step, process) VALUES ($1, $2, $3)", [run, step, process])
        }
    }
}
