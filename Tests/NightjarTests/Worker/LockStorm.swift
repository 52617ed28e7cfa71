import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// Everything that takes locks, over the same runs, each kind on connections of its own.
struct LockStorm: Sendable {
    let database: TestDatabase
    /// Has the leases.
    let worker: Probe
    private let size = 60

    init(_ database: TestDatabase) async throws {
        self.database = database
        worker = try await Probe(database)
        try await Probe.registerPost(in: database)
        let key = #"[{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]"#
        try await worker.register(
            """
            [{"name": "plan", "options": {}, "triggers": [{"event": "test/plan"}],
              "cancel": [{"event": "test/cancel", "branches": \(key)}]}]
            """)
        try await worker.script(Self.dawdling)
    }

    /// Rows that take a while, so that statements meet in the middle.
    private static let dawdling = """
        CREATE FUNCTION public.dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            PERFORM pg_sleep(random() * 0.002);
            RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        END $$;
        CREATE TRIGGER dawdle BEFORE INSERT OR DELETE ON nightjar.pending FOR EACH ROW EXECUTE FUNCTION public.dawdle();
        CREATE TRIGGER dawdle BEFORE UPDATE OR DELETE ON nightjar.open_steps FOR EACH ROW EXECUTE FUNCTION public.dawdle();
        CREATE TRIGGER dawdle BEFORE INSERT OR UPDATE ON nightjar.match_paths FOR EACH ROW EXECUTE FUNCTION public.dawdle();
        CREATE TRIGGER dawdle BEFORE UPDATE ON nightjar.interruptions FOR EACH ROW EXECUTE FUNCTION public.dawdle()
        """

    /// Lets them all loose on new runs, and waits until those who have an end have come to it.
    func round(_ round: Int) async throws {
        let leases = try await begin(round)
        let isOver = Signal()
        let keys = (0..<size).map { "r\(round) n\($0)" }
        try await withThrowingTaskGroup(of: Void.self) { group in
            let repeated: [@Sendable (Probe) async throws -> Void] = [
                apply, apply, lookBack, lookBack, searchNewcomers, searchNewcomers, expire, claim,
            ]
            for body in repeated {
                group.addTask {
                    try await with { probe in while !isOver.isSet { try await body(probe) } }
                }
            }
            try await withThrowingTaskGroup(of: Void.self) { finite in
                for _ in 0..<3 { finite.addTask { try await with { try await send(keys, $0) } } }
                for part in 0..<2 { finite.addTask { try await with { try await commit(leases, part, $0) } } }
                for _ in 0..<2 { finite.addTask { try await with { try await tell(leases, $0) } } }
                for isReversed in [true, false] {
                    finite.addTask { try await with { try await register(round, isReversed, $0) } }
                }
                for part in 0..<2 { finite.addTask { try await overlap("r\(round) s\(part)") } }
                finite.addTask { try await with { try await cancelMany(round, $0) } }
                finite.addTask { try await with { try await changeMind(keys, $0) } }
                try await finite.waitForAll()
            }
            isOver.set()
            try await group.waitForAll()
        }
        try await settle()
    }

    /// New runs that wait, some of them parked, some of them for a run that they invoked.
    private func begin(_ round: Int) async throws -> [Lease] {
        try await worker.run { [size] db in
            _ = try db.query(
                """
                WITH sent AS (INSERT INTO nightjar.events (name, data)
                    SELECT 'test/post', jsonb_build_object('key', $1::text || n, 'lot', n % 5)
                    FROM generate_series(0, $2 - 1) n RETURNING 1)
                SELECT count(*) FROM sent
                """, ["r\(round) n", Int32(size)])
        }
        let leases = try await worker.claim(limit: 1_000).runs.map(\.lease)
        let answers = try Match.path("data.key")
        let opened = try await worker.record(
            leases.enumerated().map { number, lease in
                var commit = LeasedCommit(lease: lease, tenant: 1, next: .run(.keep))
                commit.openings = ["w1": "test/answer", "w2": "test/other"].map {
                    .wait($0.key, for: $0.value, answers, looksBack: number % 2 == 0)
                }
                if number % 4 == 0 { commit.openings.append(.invocation("c", of: "post")) }
                if number % 3 == 0 { commit.next = .run(.park(until: .distantFuture, reason: .waiting)) }
                return commit
            })
        #expect(opened.count == leases.count)
        try await worker.script(
            "UPDATE nightjar.live SET expires_at = now() WHERE run_id IN (SELECT run_id FROM nightjar.live ORDER BY random() LIMIT 5)"
        )
        return leases
    }

    private func with(_ body: (Probe) async throws -> Void) async throws {
        let probe = try await Probe(database)
        try await body(probe)
        await probe.connection.close()
    }

    // MARK: - Workers' statements

    @Sendable private func apply(_ probe: Probe) async throws {
        // Few rows and few waits, so that cursors stand everywhere.
        try await probe.run { db in _ = try db.query(Statement.applyPending.sql, [Int32(7), Int32(3), Int64(0)]).count }
    }

    @Sendable private func lookBack(_ probe: Probe) async throws {
        let start = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
        try await probe.run { db in
            _ = try db.query(Statement.lookBack.sql, [Int32.random(in: 1...3), start, ""]).count
        }
    }

    @Sendable private func searchNewcomers(_ probe: Probe) async throws {
        try await probe.run { db in
            _ = try db.query(Statement.searchNewcomers.sql, [Int32.random(in: 1...2)]).count
        }
    }

    @Sendable private func expire(_ probe: Probe) async throws {
        try await probe.run { db in _ = try db.query(Statement.expire.sql, [Int32(2)]).count }
    }

    @Sendable private func claim(_ probe: Probe) async throws {
        let leases = try await probe.claim(limit: 5).runs.map(\.lease)
        _ = try await probe.commit(leases.map { LeasedCommit(lease: $0, next: .handBack) })
    }

    /// Withdraws what waits and waits for something else; in an order of its own.
    @Sendable private func commit(_ leases: [Lease], _ part: Int, _ probe: Probe) async throws {
        let all = leases.enumerated().shuffled()
        let wait = try Match.path("data.key")
        for start in stride(from: 0, to: all.count, by: 12) {
            let batch = all[start..<min(start + 12, all.count)].map { number, lease in
                var commit = LeasedCommit(lease: lease, tenant: 1, steps: [.done("s\(UUID())")], next: .run(.keep))
                // One of the two does it: a step is recorded once.
                if number % 2 == part {
                    commit.steps = ["w2", "w1"].map(Self.withdrawn)
                    commit.openings = [.wait("w3", for: "test/answer", wait, looksBack: number % 4 < 2)]
                    if number % 5 == 0 { commit.next = .run(.park(until: .distantFuture, reason: .waiting)) }
                }
                return commit
            }
            _ = try await probe.commit(batch)
        }
    }

    private static func withdrawn(_ step: String) -> RecordedStep {
        RecordedStep(
            step: step, kind: .waitForEvent, status: .failed,
            error: RunError(name: "CancellationError", message: "withdrawn", code: RunError.Code.withdrawn),
            startedAt: Date(), endedAt: Date())
    }

    /// Tells of cancelled runs what was executed of them.
    @Sendable private func tell(_ leases: [Lease], _ probe: Probe) async throws {
        for _ in 0..<10 {
            let runs = leases.map(\.run).shuffled()
            try await probe.run { [session = worker.session] db in
                _ = try db.execute(
                    Statement.interrupted.sql,
                    [session, runs, runs.map { _ in PostgresJSON("[]") }, runs.map { _ in Bool.random() }])
            }
        }
    }

    /// The same places, in one order and in the other.
    @Sendable private func register(_ round: Int, _ isReversed: Bool, _ probe: Probe) async throws {
        for number in 0..<10 {
            let places = (0..<20).map { ["data", "p\($0)"] }
            let paths = try PostgresJSON(encoding: isReversed ? places.reversed() : places)
            try await probe.run { db in
                _ = try db.query(Statement.registerPaths.sql, ["test/r\(round) \(number)", paths]).count
            }
        }
    }

    @Sendable private func cancelMany(_ round: Int, _ probe: Probe) async throws {
        try await probe.run { db in
            let id = try db.query(
                "SELECT nightjar.bulk_cancel(path => $1::text::jsonpath)", ["$.data.lot == \(round % 5)"])[0]
                .decode(0, as: UUID.self)
            while try !db.query(Statement.bulkAdvance.sql, [Int32(10), id]).isEmpty {}
        }
    }

    // MARK: - Users

    /// Sends what cancels and what answers; at times several in a transaction, in any order.
    @Sendable private func send(_ keys: [String], _ probe: Probe) async throws {
        for key in keys.shuffled().prefix(40) {
            let name = ["test/answer", "test/answer", "test/other", "test/cancel"].randomElement() ?? ""
            if Int.random(in: 0..<5) == 0 {
                try await probe.script("BEGIN")
                try await probe.send(name, key: key)
                try await probe.send("test/cancel", key: keys.randomElement() ?? "")
                try await probe.send("test/answer", key: keys.randomElement() ?? "")
                try await probe.script(Bool.random() ? "COMMIT" : "ROLLBACK")
            } else {
                try await probe.send(name, key: key)
            }
        }
    }

    /// Schedules what is cancelled before anybody can see it, several of each key, in both orders.
    @Sendable private func overlap(_ prefix: String) async throws {
        let scheduler = try await Probe(database)
        let canceller = try await Probe(database)
        for number in 0..<10 {
            let keys = ["a", "b"].map { "\(prefix) \(number) \($0)" }
            try await scheduler.script("BEGIN")
            try await scheduler.run { db in
                for key in keys + keys.reversed() {
                    _ = try db.execute(
                        """
                        INSERT INTO nightjar.events (name, data, ts)
                        VALUES ('test/plan', jsonb_build_object('key', $1::text), now() + interval '1 hour')
                        """, [key])
                }
            }
            for key in keys { try await canceller.send("test/cancel", key: key) }
            try await eventually("nobody looks for them any more") {
                try await canceller.value(
                    "SELECT count(*) FROM nightjar.pending WHERE event_id IN (SELECT event_id FROM nightjar.events WHERE data ->> 'key' = ANY ($1))",
                    [keys], as: Int64.self) == 0
            }
            try await scheduler.script("COMMIT")
        }
        await scheduler.connection.close()
        await canceller.connection.close()
    }

    /// Cancels, by event and by hand, and takes it back after a while.
    @Sendable private func changeMind(_ keys: [String], _ probe: Probe) async throws {
        for _ in 0..<5 {
            try await probe.script("BEGIN")
            for key in keys.shuffled().prefix(5) { try await probe.send("test/cancel", key: key) }
            try await probe.run { db in
                _ = try db.query(
                    "SELECT nightjar.cancel(run_id) FROM (SELECT run_id FROM nightjar.live ORDER BY random() LIMIT 5) l"
                ).count
            }
            try await probe.script("SELECT pg_sleep(0.02)")
            try await probe.script("ROLLBACK")
        }
    }

    // MARK: - What is true

    /// Runs that live although an event cancels them, and steps that wait although an event answers them.
    func lost() async throws -> [String] {
        try await worker.reporting { db in
            try db.query(
                """
                SELECT 'lives ' || r.run_id FROM nightjar.live l JOIN nightjar.runs r USING (run_id)
                JOIN nightjar.events t ON t.event_id = r.event_id
                JOIN nightjar.events e ON e.name = 'test/cancel' AND e.data ->> 'key' = t.data ->> 'key' AND e.seq > r.event_seq
                UNION ALL
                SELECT 'waits ' || o.run_id || ' ' || o.step FROM nightjar.open_steps o JOIN nightjar.runs r USING (run_id)
                JOIN nightjar.events t ON t.event_id = r.event_id
                JOIN nightjar.events e ON e.name = o.spec ->> 'event' AND e.data ->> 'key' = t.data ->> 'key' AND e.seq > o.since
                WHERE o.kind = 4 AND o.arrived IS NULL
                """
            ).map { try $0.decode(0, as: String.self) }
        }
    }

    /// Ends what is left.
    func cleanUp() async throws {
        try await worker.run { db in
            _ = try db.query(
                """
                SELECT count(*) FROM (SELECT array_agg(run_id) AS ids FROM nightjar.live) l
                CROSS JOIN LATERAL nightjar.cancel_runs(
                    l.ids, array_fill('{"kind": "manual"}'::jsonb, ARRAY[cardinality(l.ids)]), true) c
                """
            ).count
        }
        try await settle()
    }

    private func settle() async throws {
        while try await worker.value("SELECT nightjar.search_newcomers(1000)", as: Bool.self) {}
        try await worker.settle()
    }

    func deadlocks() async throws -> Int64 {
        try await worker.value("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    }
}
