import Foundation
import LocalPostgres
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// Everybody who takes part in a random history, and the server that they torment.
final class History: Sendable {
    let journal = Journal()
    let database: TestDatabase
    let total: Int
    private let server: LocalPostgres

    /// - Parameter events: How many events that start runs are sent.
    init(events: Int) async throws {
        total = events
        (server, database) = try await TestDatabase.onServerOfItsOwn()
        let session = PostgresSession(database.configuration, logger: .silent)
        try await session.run { db in try db.script(HistoryRecord.instruments) }
        await session.close()
    }

    func end() async throws {
        try await server.stop(mode: .immediate)
    }

    /// Plays until every run has ended.
    func play() async throws {
        try await withThrowingTaskGroup(of: Void.self) { workers in
            for _ in 0..<3 {
                let worker = worker()
                workers.addTask { try await self.keepAlive(worker) }
            }
            try await registered()
            try await withThrowingTaskGroup(of: Void.self) { others in
                for _ in 0..<5 { others.addTask { await self.produce() } }
                for _ in 0..<2 { others.addTask { await self.cancel() } }
                for _ in 0..<2 { others.addTask { await self.answer() } }
                others.addTask { await self.cancelByHand() }
                others.addTask { await self.cancelInBulk() }
                others.addTask { await self.runAgain() }
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

    private func worker() -> Worker {
        var configuration = WorkerConfiguration()
        configuration.concurrency = 50
        configuration.sessionTimeToLive = .seconds(2)
        configuration.pollInterval = .milliseconds(300)
        configuration.gracePeriod = .zero
        configuration.deathLimit = 1_000
        return Worker(
            app: "history", functions: HistoryFunctions(journal: journal).all, database: database.configuration,
            configuration: configuration, logger: .silent)
    }

    /// A worker that cannot start while the server is down is started again, as a supervisor would.
    private func keepAlive(_ worker: Worker) async throws {
        while !Task.isCancelled {
            do { try await worker.run() } catch { await Task.yield() }
        }
    }

    private func registered() async throws {
        let probe = PostgresSession(database.configuration, logger: .silent)
        let count = HistoryFunctions(journal: journal).all.flatMap { [$0] + $0.handlers }.count
        try await eventually("the functions are registered") {
            try await probe.run { db in
                try db.query("SELECT count(*) FROM nightjar.functions")[0].decode(0, as: Int64.self)
            } == count
        }
        await probe.close()
    }

    // MARK: - Those who disturb

    /// Leases runs and falls silent, like a process that was stopped; tries to record something once others have them.
    private func leaseAndStall() async {
        while journal.progress < total {
            do {
                let probe = try await Probe(database, timeToLive: .milliseconds(500))
                let leases = try await probe.run { [session = probe.session] db in
                    // Not those whose time is limited: what a worker claims gets its limit with the claim.
                    let functions = try db.query(
                        "SELECT function_id FROM nightjar.functions WHERE name = ANY ('{post,ask,parent,task}')"
                    ).map { try $0.decode(0, as: Int32.self) }
                    return try Claim.make(
                        db, queue: try Probe.queue(db), functions: functions, session: session, limit: 5, low: .min
                    ).runs.map(\.lease)
                }
                // Throws: what nobody has taken away is no stale lease.
                try await Waiting.until("the dead session's runs go to others", within: .seconds(120)) {
                    let held = try? await probe.run { [session = probe.session] db in
                        try Sight.look(db, queue: 0, functions: [], session: session).held.count
                    }
                    return held == 0
                }
                for lease in leases {
                    journal.stale(accepted: try await !probe.commit([Self.staleCommit(lease)]).isEmpty)
                }
                await probe.connection.close()
            } catch let error as Waiting.TimedOut {
                Issue.record(error)
            } catch {}
        }
    }

    /// Of every kind.
    private static func staleCommit(_ lease: Lease) -> LeasedCommit {
        var commit = LeasedCommit(lease: lease, tenant: 1, next: .run(.keep))
        switch Int.random(in: 0..<3) {
        case 0: commit.steps = [.done("stale")]
        case 1: commit.next = .run(.end(.completed(output: "1")))
        default: commit.next = .run(.park(until: Date(timeIntervalSinceNow: 3_600), reason: .waiting))
        }
        return commit
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
                    SELECT pg_terminate_backend(pid), pg_sleep(0.15) FROM pg_stat_activity
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
                // Requests whose asker was cut off between an interruption and its end.
                _ = try db.query(
                    "SELECT nightjar.bulk_interrupt(bulk_id, false) FROM nightjar.bulk_cancels WHERE state = 2"
                ).count
                // A run that lost its worker several times in a row waits for minutes.
                _ = try db.execute(
                    """
                    UPDATE nightjar.live SET due_at = now() WHERE run_id IN (
                        SELECT run_id FROM nightjar.live WHERE state = 3 AND due_at > now() + interval '1 s'
                        FOR UPDATE SKIP LOCKED)
                    """)
                return try db.query(
                    """
                    SELECT (SELECT count(*) FROM nightjar.live) + (SELECT count(*) FROM nightjar.pending)
                         + (SELECT count(*) FROM nightjar.bulk_cancels WHERE state <> 3)
                    """)[0].decode(0, as: Int64.self)
            }
            return left == 0
        }
        journal.ended(deadlocks: try await deadlocks(session))
        await session.close()
    }
}
