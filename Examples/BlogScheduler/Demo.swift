import Foundation
import LocalPostgres
import Logging
import Nightjar

/// The demo: a database, two workers, a story, and a look at what came of it.
struct Demo {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// - Parameter url: a database to use; nil starts a throw-away server.
    static func run(on url: String?) async throws {
        let quiet = Logger(label: "demo") { _ in SwiftLogNoOpLogHandler() }
        guard let url else {
            Narrator.print("Starting a throw-away PostgreSQL …")
            let server = try await LocalPostgres.throwAway(logger: quiet)
            let result: Result<Void, any Error>
            do { result = .success(try await run(on: server.configuration(), logger: quiet)) } catch {
                result = .failure(error)
            }
            try await server.stop()
            return try result.get()
        }
        try await run(on: PostgresConfiguration(url: url), logger: quiet)
    }

    private static func run(on database: PostgresConfiguration, logger: Logger) async throws {
        try await Migrator(database, logger: logger).migrate()
        let pool = PostgresPool(database, logger: logger)
        let client = Client(database: database, logger: logger)
        let result: Result<Void, any Error>
        do { result = .success(try await play(database, pool, client)) } catch { result = .failure(error) }
        await client.close()
        await pool.close()
        try result.get()
    }

    private static func play(_ database: PostgresConfiguration, _ pool: PostgresPool, _ client: Client) async throws {
        let narrator = Narrator(start: Date().timeIntervalSince1970, speaker: "blog")
        try await Blog(pool: pool, narrator: narrator).createTables()
        try await cancelLeftovers(pool)
        let workers = try [1, 2].map { number in
            try WorkerProcess("worker \(number)", database: database, start: narrator.start)
        }
        try await waitForWorkers(workers.count, pool)
        narrator.say("two workers are up: processes \(workers[0].processID) and \(workers[1].processID)")

        let start = try await pool.query("SELECT clock_timestamp()") { try $0.decode(0, as: Date.self) }[0]
        try await Story(client: client, pool: pool, narrator: narrator, start: start).tell()
        let killed = try await killWhoPublishes("long-read", workers, pool, narrator)
        let outcomes = try await waitForTheEnd(since: start, pool, narrator)
        for worker in workers where worker !== killed { await worker.stop() }
        try await report(outcomes, pool)
    }

    /// Of a demo that was interrupted, on a database that is kept.
    private static func cancelLeftovers(_ pool: PostgresPool) async throws {
        try await pool.execute(
            "SELECT nightjar.cancel(run_id) FROM nightjar.run_status WHERE app = $1 AND ended_at IS NULL",
            [BlogWorker.app])
    }

    private static func waitForWorkers(_ count: Int, _ pool: PostgresPool) async throws {
        try await wait(seconds: 30, for: "the workers to start") {
            try await pool.query(
                "SELECT count(*) FROM nightjar.sessions WHERE NOT dead AND seen_at + ttl > now() AND name LIKE $1",
                [BlogWorker.app + " %"]
            ) { try $0.decode(0, as: Int.self) }[0] >= count
        }
    }

    /// Kills the worker that has just published the post but not recorded that it has.
    private static func killWhoPublishes(
        _ post: String, _ workers: [WorkerProcess], _ pool: PostgresPool, _ narrator: Narrator
    ) async throws -> WorkerProcess? {
        var found: Int32?
        try await wait(seconds: 30, for: "a worker to publish \(post)") {
            found = try await pool.query("SELECT worker FROM blog_scheduler.executions WHERE post_id = $1", [post]) {
                try $0.decode(0, as: Int32.self)
            }.first
            return found != nil
        }
        guard let worker = workers.first(where: { $0.processID == found }) else { return nil }
        await worker.killAtOnce()
        narrator.say("kills \(worker.name) with SIGKILL: published, but not recorded")
        narrator.say("waits until the other worker misses its heartbeat (3 s here, 10 s by default)")
        return worker
    }

    private static func waitForTheEnd(since start: Date, _ pool: PostgresPool, _ narrator: Narrator) async throws
        -> [PostOutcome]
    {
        var outcomes: [PostOutcome] = []
        let ends: Set = ["completed", "failed", "cancelled"]
        try await wait(seconds: 60, for: "all runs to end") {
            outcomes = try await pool.withConnection { db in try PostOutcome.read(db, since: start) }
            return outcomes.allSatisfy { ends.isSuperset(of: $0.runs) }
                && Date().timeIntervalSince(start) > Story.lastDate + 0.5
        }
        narrator.say("all runs have ended")
        return outcomes
    }

    private static func report(_ outcomes: [PostOutcome], _ pool: PostgresPool) async throws {
        var rows = [["POST", "WHAT WAS DONE", "RUNS", "EXECUTED", "PUBLISHED", ""]]
        var isAllAsPromised = true
        for promise in Promise.all {
            let nothing = PostOutcome(post: promise.post, runs: [], executions: 0, workers: 0, published: [])
            let outcome = outcomes.first { $0.post == promise.post } ?? nothing
            let broken = promise.broken(by: outcome)
            if broken != nil { isAllAsPromised = false }
            rows.append([
                promise.post, promise.whatWasDone, outcome.runs.isEmpty ? "none" : outcome.runs.joined(separator: ", "),
                outcome.executions == 0 ? "–" : "\(outcome.executions) ×",
                outcome.published.isEmpty
                    ? "–" : outcome.published.map { String(format: "after %.1f s", $0) }.joined(separator: ", "),
                broken.map { "NOT AS PROMISED: \($0)" } ?? "as promised",
            ])
        }
        printTable(rows)
        let violations = try await pool.query("SELECT violated FROM nightjar.invariants") {
            try $0.decode(0, as: String.self)
        }
        guard isAllAsPromised, violations.isEmpty else {
            throw Failure(description: "not everything is as promised. " + violations.joined(separator: "; "))
        }
        Narrator.print("\nEverything is as promised.")
    }

    private static func printTable(_ rows: [[String]]) {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        Narrator.print("")
        for row in rows {
            let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
            Narrator.print(cells.joined(separator: "  "))
        }
    }

    private static func wait(seconds: Int, for what: String, until isSo: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while try await !isSo() {
            guard ContinuousClock.now < deadline else { throw Failure(description: "waited \(seconds) s for \(what)") }
            try await Task.sleep(for: .milliseconds(50))
        }
    }
}
