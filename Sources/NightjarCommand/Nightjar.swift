import Foundation
import Nightjar
import Logging

struct Tick: EventData { static let eventName = "bench/tick"; var n: Int }
struct Stop: EventData { static let eventName = "bench/stop"; var n: Int }

@main
enum Main {
    static func main() async throws {
        let args = CommandLine.arguments
        let database = try PostgresConfiguration(url: args[1])
        let count = Int(args[2])!
        LoggingSystem.bootstrap { var h = StreamLogHandler.standardError(label: $0); h.logLevel = .info; return h }
        let logger = Logger(label: "bench")
        print(try await Migrator(database, logger: logger).migrate().map(\.name))
        let function = Function("bench", on: Tick.self).cancelOn(Stop.self, match: \.n).run { event, step in
            try await step.run("work") { event.data.n + 1 }
        }
        let client = Client(database: database)
        var c = WorkerConfiguration(); c.concurrency = 200; c.localQueue = 800
        let worker = Worker(app: "bench", functions: [function], database: database, configuration: c)
        // register by a short start
        let w0 = Task { try await worker.run() }
        try await Task.sleep(for: .seconds(1)); w0.cancel(); _ = await w0.result
        let clock = ContinuousClock()
        let t0 = clock.now
        for start in stride(from: 0, to: count, by: 1000) {
            try await client.send((start..<start+1000).map { try NewEvent(Tick(n: $0)) })
        }
        print("ingest", clock.now - t0)
        let t1 = clock.now
        let w = Task { try await worker.run() }
        let pool = PostgresPool(database, logger: logger)
        while try await pool.withConnection({ try $0.query("select exists(select from nightjar.live)")[0].decode(0, as: Bool.self) }) { try await Task.sleep(for: .milliseconds(50)) }
        let d = clock.now - t1
        print("drain", d, Double(count) / (Double(d.components.seconds) + Double(d.components.attoseconds) * 1e-18), "runs/s")
        w.cancel(); _ = await w.result
        await client.close(); await pool.close()
    }
}
