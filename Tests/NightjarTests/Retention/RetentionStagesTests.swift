import Foundation
import NightjarTesting
import PostgresClient
import Synchronization
import TestSupport
import Testing

@testable import Nightjar

@Suite("Dropping weeks, broken off and interleaved", .timeLimit(.minutes(3)))
struct RetentionStagesTests {
    @Test(
        "A backend that dies at any stage leaves everything in order, and the next attempt does the rest",
        arguments: Retention.Stage.allCases)
    func dies(at stage: Retention.Stage) async throws {
        try await TestDatabase.with { database in
            let past = try await Past.make(database)
            var retention = Retention(database: database.configuration, logger: .silent)
            retention.onStage = { now, db in
                if now == stage { try db.execute("SELECT pg_terminate_backend(pg_backend_pid())") }
            }
            await #expect(throws: PostgresError.self) { try await retention.apply(all: true) }
            let violations = try await past.probe.violations()
            #expect(violations == [])
            let memo = try await past.probe.rows("steps", of: [past.sleeper])
            #expect(memo.count == 1)

            retention.onStage = { _, _ in }
            // The dead backend's advisory lock may take a moment to go.
            try await eventually("it is applied") { try await retention.apply(all: true) != nil }
            let left = try #require(try await retention.apply(all: true))
            #expect(left.allSatisfy { $0.outcome == .emptied(keptRows: 1) }, "\(left)")
            #expect(left.count == 2, "\(left)")
            try await past.finish()
        }
    }

    @Test("A detachment that was broken off in the server's own middle is finished")
    func pendingDetach() async throws {
        try await TestDatabase.with { database in
            let past = try await Past.make(database)
            // Whoever has read the parent keeps the second half waiting.
            let other = PostgresSession(database.configuration, logger: .silent)
            try await other.run { db in try db.script("BEGIN; SELECT FROM nightjar.steps") }
            var retention = Retention(database: database.configuration, logger: .silent)
            retention.detachTimeout = .milliseconds(100)
            retention.lockAttempts = 1
            retention.patience = .milliseconds(50)
            let results = try #require(try await retention.apply(all: true))
            #expect(results.contains { $0.outcome.reason != nil }, "\(results)")
            try await other.run { db in try db.script("ROLLBACK") }
            // Now the reader comes between emptying and detachment.
            let didRead = Mutex(false)
            retention.onStage = { stage, db in
                guard stage == .emptied,
                    try db.query(
                        "SELECT to_regclass('nightjar.runs_' || to_char(date_trunc('week', now() - interval '200 days'), 'YYYYMMDD')) IS NOT NULL"
                    )[0].decode(0)
                else { return }
                if didRead.withLock({ done in
                    defer { done = true }; return done
                }) {
                    return
                }
                Self.wait {
                    try await other.run { db in
                        try db.script(
                            "BEGIN; SELECT FROM nightjar.tenants; LOCK TABLE ONLY nightjar.outcomes IN ACCESS SHARE MODE"
                        )
                    }
                }
            }
            let pending = try #require(try await retention.apply(all: true))
            #expect(pending.contains { $0.outcome.reason != nil }, "\(pending)")
            #expect(pending.count { $0.log == .runs } == 1, "no other week is tried that would wait for it: \(pending)")
            let isPending = try await past.probe.value(
                "SELECT bool_or(inhdetachpending) FROM pg_inherits", as: Bool.self)
            #expect(isPending)
            try await other.run { db in try db.script("ROLLBACK") }
            await other.close()
            retention.onStage = { _, _ in }
            // At once, although it has just been tried, and before all others.
            let finished = try #require(try await retention.apply(all: false))
            #expect(finished.first?.log == .runs && finished.first?.outcome == .dropped, "\(finished)")
            _ = try await retention.apply(all: true)
            #expect(try await past.probe.value("SELECT NOT bool_or(inhdetachpending) FROM pg_inherits", as: Bool.self))
            try await past.finish()
        }
    }

    @Test("A commit under way keeps its week, and its step is kept later")
    func commitUnderWay() async throws {
        try await TestDatabase.with { database in
            let past = try await Past.make(database)
            try await past.probe.script("UPDATE nightjar.live SET due_at = now()")
            let lease = try #require(try await past.probe.claim().runs.first).lease
            try await past.probe.script("SET idle_in_transaction_session_timeout = 0; BEGIN")
            let isRecorded = try await past.probe.recordStep("two", under: lease)
            #expect(isRecorded)

            var retention = Retention(database: database.configuration, logger: .silent)
            retention.lockAttempts = 2
            retention.detachTimeout = .milliseconds(100)
            retention.patience = .milliseconds(50)
            let results = try #require(try await retention.apply(all: true))
            #expect(results.contains { $0.log == .runs && $0.outcome == .kept("others had it locked") }, "\(results)")
            #expect(results.count { $0.outcome == .kept("others had it locked") } == 1, "no other week is asked for")
            #expect(
                results.contains { $0.log == .events && $0.outcome.reason?.contains("stayed open") == true },
                "\(results)")
            try await past.probe.script("COMMIT")
            _ = try await retention.apply(all: true)
            let isParked = try await past.probe.park(lease, until: Date(timeIntervalSinceNow: 86_400))
            #expect(isParked)
            try await past.finish(steps: 2)
        }
    }

    @Test("A commit that waits for the week's lock records into what comes after it")
    func commitBehind() async throws {
        try await TestDatabase.with { database in
            let past = try await Past.make(database)
            try await past.probe.script("UPDATE nightjar.live SET due_at = now()")
            let lease = try #require(try await past.probe.claim().runs.first).lease
            let commit = Mutex<Task<Bool, any Error>?>(nil)
            var retention = Retention(database: database.configuration, logger: .silent)
            retention.onStage = { stage, db in
                guard stage == .copied, try Self.holds(db, "steps", of: past.sleeper), commit.withLock({ $0 == nil })
                else { return }
                commit.withLock { $0 = Task { try await past.probe.recordStep("two", under: lease) } }
                try Self.awaitWaiter(db)
            }
            _ = try await retention.apply(all: true)
            let isRecorded = try await #require(commit.withLock { $0 }).value
            #expect(isRecorded)
            let isParked = try await past.probe.park(lease, until: Date(timeIntervalSinceNow: 86_400))
            #expect(isParked)
            try await past.finish(steps: 2)
        }
    }

    @Test("A statement that waits for a week's lock with an older snapshot finds what it needs")
    func olderSnapshot() async throws {
        try await TestDatabase.with { database in
            let past = try await Past.make(database)
            let reader = PostgresSession(database.configuration, logger: .silent)
            let reading = Mutex<Task<(Int64, Int64), any Error>?>(nil)
            var retention = Retention(database: database.configuration, logger: .silent)
            retention.onStage = { stage, db in
                guard stage == .copied, try Self.holds(db, "runs", of: past.sleeper), reading.withLock({ $0 == nil })
                else { return }
                let task = Task {
                    try await reader.run { db in
                        try db.transaction(isolation: .repeatableRead) { db in
                            // The snapshot is taken here, before the lock is waited for.
                            try db.execute("SELECT 1")
                            let runs = try db.query(
                                "SELECT count(*) FROM nightjar.runs WHERE run_id = $1", [past.sleeper])[0].decode(
                                    0, as: Int64.self)
                            let steps = try db.query(
                                "SELECT count(*) FROM nightjar.steps WHERE run_id = $1", [past.sleeper])[0].decode(
                                    0, as: Int64.self)
                            return (runs, steps)
                        }
                    }
                }
                reading.withLock { $0 = task }
                try Self.awaitWaiter(db)
            }
            _ = try await retention.apply(all: true)
            let (runs, steps) = try await #require(reading.withLock { $0 }).value
            await reader.close()
            #expect(runs == 1 && steps == 1)
            try await past.finish()
        }
    }

    @Test("An event with an id of long ago that comes between the look and the lock is there for who has to find it")
    func lateEvent() async throws {
        try await TestDatabase.with { database in
            let past = try await Past.make(database)
            let other = PostgresSession(database.configuration, logger: .silent)
            var retention = Retention(database: database.configuration, logger: .silent)
            let didSend = Mutex(false)
            retention.onStage = { stage, db in
                guard stage == .looked, try Self.holds(db, "events", of: past.sleeper),
                    didSend.withLock({ done in
                        defer { done = true }; return !done
                    })
                else { return }
                Self.wait {
                    try await other.run { db in
                        _ = try db.execute(
                            "INSERT INTO nightjar.events (event_id, name) SELECT nightjar.uuid7_floor(nightjar.uuid7_time($1)), 'x/late'",
                            [past.sleeper])
                    }
                }
            }
            _ = try await retention.apply(all: true)
            await other.close()
            #expect(didSend.withLock { $0 })
            #expect(try await past.probe.count("events", where: "name = 'x/late'") == 1)
            try await past.finish()
        }
    }

    @Test("A run that is run again between the look and the lock keeps its event", arguments: [Retention.Stage.looked])
    func rerunBetween(stage: Retention.Stage) async throws {
        try await TestDatabase.with { database in
            let past = try await Past.make(database)
            let again = Mutex<UUID?>(nil)
            let other = PostgresSession(database.configuration, logger: .silent)
            // Runs outlive their events here, so that there is something to be run again.
            try await past.probe.run { db in try RetentionPolicy.set(db, "runs", keep: nil, tenant: nil) }
            var retention = Retention(database: database.configuration, logger: .silent)
            retention.onStage = { now, db in
                guard now == stage, try Self.holds(db, "events", of: past.lonely), again.withLock({ $0 == nil }) else {
                    return
                }
                Self.wait {
                    let run = try await other.run { db in
                        try db.query("SELECT nightjar.rerun($1)", [past.lonely])[0].decode(0, as: UUID.self)
                    }
                    again.withLock { $0 = run }
                }
            }
            _ = try await retention.apply(all: true)
            await other.close()
            let run = try #require(again.withLock { $0 })
            let name = try await past.probe.run { db in
                try db.query(
                    "SELECT e.name FROM nightjar.live l JOIN nightjar.events e USING (event_id) WHERE l.run_id = $1",
                    [run]
                )
                .first?.decode(0, as: String.self)
            }
            #expect(name == "test/post")
            await past.probe.connection.close()
        }
    }

    @Test("An event with an id of a week that is emptied, and not dropped yet, is refused as one of a dropped week is")
    func lateID() async throws {
        try await TestDatabase.with { database in
            let past = try await Past.make(database)
            let other = PostgresSession(database.configuration, logger: .silent)
            let sending = Mutex<Task<Int, any Error>?>(nil)
            var retention = Retention(database: database.configuration, logger: .silent)
            retention.onStage = { stage, db in
                guard stage == .emptied, try Self.holds(db, "events", of: past.lonely, exclusively: true),
                    sending.withLock({ $0 == nil })
                else { return }
                // It waits for the lock, and comes between the emptying and the detachment.
                let task = Task {
                    try await other.run { db in
                        try db.execute(
                            "INSERT INTO nightjar.events (event_id, name) SELECT nightjar.uuid7_floor(nightjar.uuid7_time($1)), 'x/late'",
                            [past.lonely])
                    }
                }
                sending.withLock { $0 = task }
                try Self.awaitWaiter(db)
            }
            let results = try #require(try await retention.apply(all: true))
            let error = await #expect(throws: PostgresError.self) {
                try await #require(sending.withLock { $0 }).value
            }
            #expect(error?.sqlState == .checkViolation)
            #expect(results.allSatisfy { $0.outcome.reason == nil }, "\(results)")
            await other.close()
            try await past.finish()
        }
    }

    @Test("A week of which too much is needed stays whole, and says so")
    func tooMuch() async throws {
        try await TestDatabase.with { database in
            let past = try await Past.make(database)
            var retention = Retention(database: database.configuration, logger: .silent)
            retention.byteLimit = 10
            let results = try #require(try await retention.apply(all: true))
            let kept = results.compactMap(\.outcome.reason)
            #expect(kept.count == 2 && kept.allSatisfy { $0.contains("too much to be moved at once") }, "\(results)")
            #expect(try await past.probe.rows("runs", of: past.ended).count == past.ended.count)
            retention.byteLimit = 1 << 20
            _ = try await retention.apply(all: true)
            try await past.finish()
        }
    }

    @Test("A policy that is taken back while it is applied keeps the weeks that are still there")
    func policyTakenBack() async throws {
        try await TestDatabase.with { database in
            let past = try await Past.make(database)
            let other = PostgresSession(database.configuration, logger: .silent)
            let didSet = Mutex(false)
            var retention = Retention(database: database.configuration, logger: .silent)
            retention.onStage = { stage, db in
                guard stage == .detached,
                    didSet.withLock({ done in
                        defer { done = true }; return !done
                    })
                else { return }
                Self.wait {
                    try await other.run { db in try RetentionPolicy.set(db, "runs", keep: nil, tenant: nil) }
                }
            }
            let results = try #require(try await retention.apply(all: true))
            await other.close()
            let kept = results.filter { $0.log == .runs }
            #expect(!kept.isEmpty && kept.allSatisfy { $0.outcome == .kept("its policy was changed") }, "\(results)")
            #expect(try await past.probe.rows("runs", of: past.ended + [past.lonely]).count == past.ended.count + 1)
            let needed = try await past.probe.value(
                "SELECT count(*) FROM nightjar.needed_runs($1, $2, NULL)",
                [past.lonely, UUID(uuid: (255, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))], as: Int64.self)
            #expect(needed == Int64(past.ended.count + 2), "those that have ended too: without a policy all are kept")
            await past.probe.connection.close()
        }
    }

    @Test("A table of a dropped week that somebody has brought back is his")
    func broughtBack() async throws {
        try await TestDatabase.with { database in
            let past = try await Past.make(database)
            let retention = Retention(database: database.configuration, logger: .silent)
            let week = try await past.probe.value(
                "SELECT 'runs_' || to_char(date_trunc('week', nightjar.uuid7_time($1) AT TIME ZONE 'UTC'), 'YYYYMMDD')",
                [past.lonely], as: String.self)
            _ = try await retention.apply(all: true)
            try await past.probe.script("CREATE TABLE nightjar.\(week) (LIKE nightjar.runs)")
            let results = try #require(try await retention.apply(all: true))
            #expect(results.allSatisfy { $0.outcome == .emptied(keptRows: 1) }, "\(results)")
            let isThere = try await past.probe.value(
                "SELECT to_regclass('nightjar.\(week)') IS NOT NULL", as: Bool.self)
            #expect(isThere)
            try await past.probe.script("DROP TABLE nightjar.\(week)")
            try await past.finish()
        }
    }

    /// Whether this stage is that of the week of a run, or for events of its event.
    private static func holds(
        _ db: PostgresConnection, _ log: String, of run: UUID, exclusively: Bool = false
    ) throws -> Bool {
        try db.query(
            """
            SELECT EXISTS (
                SELECT FROM pg_locks l
                WHERE l.pid = pg_backend_pid() AND l.relation = to_regclass(
                    'nightjar.\(log)_' || to_char(date_trunc('week', nightjar.uuid7_time($1) AT TIME ZONE 'UTC'), 'YYYYMMDD'))
                  AND (NOT $2 OR l.mode = 'AccessExclusiveLock')
                  AND to_regclass('pg_temp.nightjar_needed') IS NOT NULL)
            """, [run, exclusively])[0].decode(0)
    }

    /// Until somebody waits for a lock in this database.
    private static func awaitWaiter(_ db: PostgresConnection) throws {
        for _ in 0..<1_000 {
            let waits = try db.query(
                """
                SELECT EXISTS (SELECT FROM pg_locks l WHERE NOT l.granted AND l.locktype = 'relation'
                               AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))
                """)[0].decode(0, as: Bool.self)
            if waits { return }
            try db.script("SELECT pg_sleep(0.005)")
        }
        Issue.record("nobody waits")
    }

    /// Executes asynchronous work while the connection's thread waits for it.
    private static func wait(_ body: @escaping @Sendable () async throws -> Void) {
        let done = DispatchSemaphore(value: 0)
        Task {
            do { try await body() } catch { Issue.record(error) }
            done.signal()
        }
        done.wait()
    }
}
