import Foundation
import NightjarTesting
import PostgresClient
import Synchronization
import TestSupport
import Testing

@testable import Nightjar

@Suite("Dropping weeks, broken off and interleaved", .timeLimit(.minutes(3)))
struct RetentionStagesTests {
    /// Two runs of 100 days ago, one of which sleeps with a step recorded, and a week 200 days ago in which nobody lives.
    struct Past {
        var probe: Probe
        var sleeper: UUID
        var ended: [UUID]
        var lonely: UUID

        static func make(_ database: TestDatabase) async throws -> Past {
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            for key in ["sleeper", "a", "b", "c", "lonely"] { try await probe.send("test/post", key: key) }
            let claimed = try await probe.claim()
            var runs: [String: UUID] = [:]
            for run in claimed.runs {
                let key = try await probe.value(
                    "SELECT data ->> 'key' FROM nightjar.events JOIN nightjar.runs USING (event_id) WHERE run_id = $1",
                    [run.lease.run],
                    as: String.self)
                runs[key] = run.lease.run
                let isRecorded = try await probe.recordStep("one", under: run.lease)
                #expect(isRecorded)
                let isDone =
                    key == "sleeper"
                    ? try await probe.park(run.lease, until: Date(timeIntervalSinceNow: 86_400))
                    : try await probe.complete(run.lease)
                #expect(isDone)
            }
            try await probe.applyPending()
            try await probe.makeWeeks(back: 40)
            let near = ["sleeper", "a", "b", "c"].compactMap { runs[$0] }
            try await probe.shift(near, by: 100)
            try await probe.shift([runs["lonely"]].compactMap(\.self), by: 200)
            try await probe.keep(days: 30)
            let sleeper = try #require(try await probe.liveRuns().first)
            let ended = try await probe.run { db in
                try db.query("SELECT run_id FROM nightjar.outcomes ORDER BY run_id").map {
                    try $0.decode(0, as: UUID.self)
                }
            }
            return Past(
                probe: probe, sleeper: sleeper, ended: Array(ended.dropFirst()), lonely: try #require(ended.first))
        }

        /// The sleeper has all that it needs, goes on and ends; what nobody needs is gone.
        func finish(steps: Int = 1) async throws {
            let violations = try await probe.violations()
            #expect(violations == [])
            let memo = try await probe.rows("steps", of: [sleeper])
            #expect(memo.count == steps)
            #expect(try await probe.rows("runs", of: ended + [lonely]) == [])
            try await probe.script("UPDATE nightjar.live SET due_at = now(), state = 2, session_id = NULL")
            let claim = try await probe.claim()
            let run = try #require(claim.runs.first)
            #expect(run.lease.run == sleeper)
            #expect(run.event.name == "test/post", "its event is there")
            let isRecorded = try await probe.recordStep("last", under: run.lease)
            #expect(isRecorded)
            let isDone = try await probe.complete(run.lease)
            #expect(isDone)
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }

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
            let isPending = try await past.probe.value(
                "SELECT bool_or(inhdetachpending) FROM pg_inherits", as: Bool.self)
            #expect(isPending)
            try await other.run { db in try db.script("ROLLBACK") }
            await other.close()
            retention.onStage = { _, _ in }
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

    @Test("Whoever may still read an event keeps it: triggers, batches, answers, what is gathered, pending or logged")
    func everyNeed() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.makeWeeks(back: 40)
            // Times of one week; each event is named after who needs it.
            try await probe.script(
                """
                SET session_replication_role = replica;
                CREATE FUNCTION public.old(n int) RETURNS uuid LANGUAGE sql AS $$
                    SELECT nightjar.uuid7_floor(date_trunc('week', now() - interval '100 days') + n * interval '1 hour') $$;
                INSERT INTO nightjar.events (event_id, name) VALUES
                    (public.old(1), 'trigger'), (public.old(2), 'batch'), (public.old(3), 'answer'), (public.old(4), 'gathered'),
                    (public.old(5), 'pending'), (public.old(6), 'logged'), (public.old(7), 'nobody'), (public.old(8), 'ended');
                INSERT INTO nightjar.events (event_id, name) SELECT public.old(n), 'nobody' FROM generate_series(20, 60) n;
                INSERT INTO nightjar.live (run_id, event_id, pass, queue, tenant_id, function_id, epoch, state, due_at, batched) VALUES
                    (public.old(11), public.old(1), 1, 1, 1, 1, 1, 2, now(), false),
                    (nightjar.uuid7(), nightjar.uuid7(), 1, 1, 1, 1, 1, 2, now(), true),
                    (public.old(13), nightjar.uuid7(), 1, 1, 1, 1, 0, 0, NULL, false);
                INSERT INTO nightjar.run_events SELECT l.run_id, 1, public.old(2) FROM nightjar.live l WHERE l.batched;
                INSERT INTO nightjar.run_events VALUES (public.old(12), 1, public.old(8));
                INSERT INTO nightjar.open_steps (run_id, step, tenant_id, kind, started_at, due_at, arrived, spec, looked)
                    VALUES (public.old(11), 'w', 1, 4, now(), now(), public.old(3), '{}', true);
                INSERT INTO nightjar.gathered VALUES (1, 1, '', 1, public.old(4), now(), 1, now());
                INSERT INTO nightjar.pending (tenant_id, key, seq, event_id, asked_at) VALUES (1, gen_random_uuid(), 1, public.old(5), now());
                INSERT INTO nightjar.waits (tenant_id, policy_id, key, run_id, since) VALUES (1, 1, public.old(13), public.old(13), 1);
                INSERT INTO nightjar.match_log (log_id, event_id, tenant_id, key, seq) VALUES (public.old(14), public.old(6), 1, public.old(13), 2);
                RESET session_replication_role
                """)
            try await probe.keep(days: 30)
            let results = try #require(
                try await Retention(database: database.configuration, logger: .silent).apply(all: true))
            #expect(results.contains { $0.log == .events && $0.outcome == .emptied(keptRows: 6) }, "\(results)")
            let left = try await probe.value(
                "SELECT string_agg(name, ' ' ORDER BY event_id) FROM nightjar.events", as: String.self)
            #expect(left == "trigger batch answer gathered pending logged")
            await probe.connection.close()
        }
    }

    @Test("A queued run that nobody has claimed finds the key that cancels it, however old")
    func unclaimed() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "k")
            for key in 0..<5 { try await probe.send("test/cancel", key: "other \(key)") }
            let run = try #require(try await probe.liveRuns().first)
            // Applied before it could see the run: only the log knows.
            try await probe.script(
                """
                INSERT INTO nightjar.match_log (event_id, tenant_id, key, seq)
                SELECT m.event_id, w.tenant_id, w.key, w.since + 1000 FROM nightjar.waits w, nightjar.match_log m LIMIT 1;
                """)
            try await probe.applyPending()
            try await probe.makeWeeks(back: 40)
            try await probe.script("SET enable_seqscan = on; UPDATE nightjar.match_log SET log_id = log_id")
            try await probe.shift([run], by: 100)
            try await probe.script(
                """
                UPDATE nightjar.match_log m SET log_id = public.nightjar_ago(log_id, 100), event_id = public.nightjar_ago(event_id, 100)
                WHERE nightjar.uuid7_time(log_id) > now() - interval '1 day';
                UPDATE nightjar.events SET event_id = public.nightjar_ago(event_id, 100) WHERE nightjar.uuid7_time(event_id) > now() - interval '1 day'
                """)
            try await probe.keep(days: 30)
            let results = try #require(
                try await Retention(database: database.configuration, logger: .silent).apply(all: true))
            #expect(results.contains { $0.log == .matchLog && $0.outcome == .emptied(keptRows: 1) }, "\(results)")
            let claim = try await probe.claim()
            #expect(claim.runs.isEmpty, "a committed event cancels it")
            try await probe.applyPending()
            #expect(try await probe.liveRuns() == [])
            await probe.connection.close()
        }
    }

    /// Whether this stage is that of the week of a run, or for events of its event.
    private static func holds(_ db: PostgresConnection, _ log: String, of run: UUID) throws -> Bool {
        try db.query(
            """
            SELECT EXISTS (
                SELECT FROM pg_locks l
                WHERE l.pid = pg_backend_pid() AND l.relation = to_regclass(
                    'nightjar.\(log)_' || to_char(date_trunc('week', nightjar.uuid7_time($1) AT TIME ZONE 'UTC'), 'YYYYMMDD'))
                  AND to_regclass('pg_temp.nightjar_needed') IS NOT NULL)
            """, [run])[0].decode(0)
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
