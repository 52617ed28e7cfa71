import Foundation
import LocalPostgres
import NightjarTesting
import Testing

@testable import Nightjar

/// Everybody who takes part in a random history, and the server that they torment.
final class History: Sendable {
    struct Post: EventData {
        static let eventName = "history/post"
        var key: String
        var nap: Int
    }
    struct Cancel: EventData {
        static let eventName = "history/cancel"
        var key: String
    }
    struct Child: EventData {
        static let eventName = "history/child"
        var key: String
    }
    struct Flaky: Error {}

    let journal = Journal()
    let database: TestDatabase
    private let server: LocalPostgres
    private let total: Int
    /// Few enough that many runs share one: a newer post cancels the older.
    private let keys = 2_000

    init(runs: Int) async throws {
        total = runs
        (server, database) = try await TestDatabase.onServerOfItsOwn()
    }

    func end() async throws {
        try await server.stop(mode: .immediate)
    }

    /// Plays until every run has ended.
    func play() async throws {
        try await withThrowingTaskGroup(of: Void.self) { workers in
            for number in 0..<3 {
                let worker = worker(number)
                workers.addTask { try await self.keepAlive(worker) }
            }
            try await registered()
            try await withThrowingTaskGroup(of: Void.self) { others in
                for _ in 0..<6 { others.addTask { await self.produce() } }
                for _ in 0..<2 { others.addTask { await self.cancel() } }
                others.addTask { await self.leaseAndStall() }
                others.addTask { try await self.torment() }
                try await others.waitForAll()
            }
            try await allEnded()
            workers.cancelAll()
            while await workers.nextResult() != nil {}
        }
    }

    // MARK: - Workers

    private var functions: [FunctionDefinition] {
        let journal = journal
        let post = Function("post", on: Post.self)
            .cancelOn(Cancel.self, match: \.key)
            .cancelOn(Post.self, match: \.key)
            .retries(RetryPolicy(maxRetries: 20, backoff: .constant(.milliseconds(20)), jitter: .milliseconds(20)))
            .run { event, step in
                try await step.run("a") {
                    journal.executed(step.runID, "a")
                    if Int.random(in: 0..<20) == 0 { throw Flaky() }
                }
                if event.data.nap > 0 { try await step.sleep("nap", for: .milliseconds(event.data.nap)) }
                if event.data.nap % 7 == 1 { try await step.sendEvent("child", Child(key: event.data.key)) }
                try await step.run("b") {
                    journal.executed(step.runID, "b")
                    if Int.random(in: 0..<20) == 0 { throw Flaky() }
                }
            }
        let child = Function("child", on: Child.self).run { event, step in
            try await step.run("c") { journal.executed(step.runID, "c") }
        }
        return [post, child]
    }

    private func worker(_ number: Int) -> Worker {
        var configuration = WorkerConfiguration()
        configuration.concurrency = 50
        configuration.sessionTimeToLive = .seconds(2)
        configuration.pollInterval = .milliseconds(300)
        configuration.gracePeriod = .zero
        configuration.deathLimit = 1_000
        return Worker(
            app: "history", functions: functions, database: database.configuration, configuration: configuration,
            logger: .silent)
    }

    /// A worker that cannot start while the server is down is started again, as a supervisor would.
    private func keepAlive(_ worker: Worker) async throws {
        while !Task.isCancelled {
            do { try await worker.run() } catch { await Task.yield() }
        }
    }

    private func registered() async throws {
        let probe = PostgresSession(database.configuration, logger: .silent)
        try await eventually("the functions are registered") {
            try await probe.run { db in
                try db.query("SELECT count(*) FROM nightjar.functions")[0].decode(0, as: Int64.self)
            } == 2
        }
        await probe.close()
    }

    // MARK: - Those who send

    private func produce() async {
        let client = Client(database: database.configuration, connections: 1, logger: .silent)
        let clock = PostgresSession(database.configuration, logger: .silent)
        while journal.progress < total {
            do {
                let events = try (0..<Int.random(in: 1...20)).map { number in
                    try NewEvent(
                        Post(key: "k\(Int.random(in: 0..<keys))", nap: Bool.random() ? Int.random(in: 1...800) : 0),
                        id: number == 7 ? "id-\(UUID())" : nil)
                }
                let commits = Int.random(in: 0..<10) != 1
                if commits, Bool.random() {
                    try await acknowledge(try await client.send(events), clock)
                } else {
                    try await inOpenTransaction(events, clock, commits: commits)
                }
                if commits { journal.stored(events.count) }
            } catch {
                // The server may be down; what became of these events is unknown, and that is all right.
            }
        }
        await client.close()
        await clock.close()
    }

    /// Events beside other work: the transaction stays open for a while, so others overtake it.
    private func inOpenTransaction(_ events: [NewEvent], _ session: PostgresSession, commits: Bool) async throws {
        let ids = try await session.run { db in
            try db.script("BEGIN")
            return try Client.send(events, in: db)
        }
        for _ in 0..<Int.random(in: 1...20) {
            _ = try await session.run { db in try db.query("SELECT pg_sleep(0.002)").count }
        }
        try await session.run { db in try db.script(commits ? "COMMIT" : "ROLLBACK") }
        if commits { try await acknowledge(ids, session) }
    }

    private func cancel() async {
        let client = Client(database: database.configuration, connections: 1, logger: .silent)
        let clock = PostgresSession(database.configuration, logger: .silent)
        while journal.progress < total {
            do {
                let events = try (0..<Int.random(in: 1...10)).map { _ in
                    try NewEvent(Cancel(key: "k\(Int.random(in: 0..<keys))"))
                }
                if Int.random(in: 0..<10) == 0 {
                    try await inOpenTransaction(events, clock, commits: Bool.random())
                } else {
                    try await acknowledge(try await client.send(events), clock)
                }
            } catch {}
        }
        await client.close()
        await clock.close()
    }

    private func acknowledge(_ ids: [String], _ clock: PostgresSession) async throws {
        let now = try await clock.run { db in try db.query("SELECT clock_timestamp()")[0].decode(0, as: Date.self) }
        journal.acknowledged(ids.compactMap { UUID(uuidString: $0) }, at: now)
    }

    // MARK: - Those who disturb

    /// Leases runs and falls silent, like a process that was stopped; tries to record something once others have them.
    private func leaseAndStall() async {
        while journal.progress < total {
            do {
                let probe = try await Probe(database, timeToLive: .milliseconds(500))
                let leases = try await probe.claim(limit: 5).runs.map(\.lease)
                try await eventually("the dead session's runs go to others") {
                    let held = try? await probe.run { [session = probe.session] db in
                        try Sight.look(db, queue: 0, functions: [], session: session).held.count
                    }
                    return held == 0
                }
                for lease in leases {
                    let isEnd = Bool.random()
                    let accepted =
                        isEnd ? try await probe.complete(lease) : try await probe.recordStep("stale", under: lease)
                    journal.stale(accepted: accepted)
                }
                await probe.connection.close()
            } catch {}
        }
    }

    /// Terminates backends all the while, and lets the server crash at a third and at two thirds.
    private func torment() async throws {
        let session = PostgresSession(database.configuration, logger: .silent)
        var crashAt = [total / 3, total * 2 / 3]
        while journal.progress < total {
            if let next = crashAt.first, journal.progress >= next {
                crashAt.removeFirst()
                journal.crashed(deadlocks: try await deadlocks(session))
                try await server.restart(mode: .immediate)
                continue
            }
            let count = try? await session.run { db in
                try db.query(
                    """
                    SELECT pg_terminate_backend(pid), pg_sleep(0.1) FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
                    ORDER BY random() LIMIT 1
                    """
                ).count
            }
            journal.terminated(count ?? 0)
        }
        await session.close()
    }

    private func deadlocks(_ session: PostgresSession) async throws -> Int {
        var found: Int64 = 0
        try await eventually("the server counts its deadlocks") {
            do {
                found = try await session.run { db in
                    try db.query("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")[0].decode(
                        0)
                }
                return true
            } catch { return false }
        }
        return Int(found)
    }

    private func allEnded() async throws {
        let session = PostgresSession(database.configuration, logger: .silent)
        try await eventually("every run has ended", within: .seconds(180)) {
            let left = try? await session.run { db in
                try db.query("SELECT count(*) FROM nightjar.live")[0].decode(0, as: Int64.self)
            }
            return left == 0
        }
        journal.ended(deadlocks: try await deadlocks(session))
        await session.close()
    }
}
