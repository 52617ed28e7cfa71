import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// Events that hit many runs: applied in chunks, by transactions that stay short.
struct LargeApplyTests {
    private static let many = 10_000
    /// What one transaction of a worker takes; see `Applier`.
    private static let (events, chunk) = (256, 500)

    @Test("One event cancels 10,000 runs; its own transaction ends 100 of them")
    func cancels() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.registerWide(condition: nil)
            try await probe.start(Self.many)

            try await probe.script("BEGIN")
            try await probe.send("test/cancel", data: #"{"group": "g"}"#)
            let inline = try await probe.count("outcomes")
            #expect(inline == 100)
            try await probe.script("COMMIT")
            let rounds = try await probe.applyInChunks()
            #expect(rounds.allSatisfy { $0 <= Self.chunk })
            #expect(rounds.count <= Self.many / Self.chunk + 1)

            let cancelled = try await probe.count("outcomes", where: "status = 3 AND cause ->> 'kind' = 'event'")
            #expect(cancelled == Int64(Self.many))
            try await probe.expectNothingLeft()
        }
    }

    @Test("Runs that were scheduled while no worker ran, and have to be searched for, keep no event from being applied")
    func newcomers() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.registerWide(condition: nil)
            try await probe.start(200)
            try await probe.send("test/cancel", data: #"{"group": "g"}"#)
            try await probe.script(
                """
                INSERT INTO nightjar.newcomers (run_id, seq) SELECT gen_random_uuid(), 0 FROM generate_series(1, 5000);
                CREATE TABLE public.seen (newcomers bigint);
                CREATE FUNCTION public.see() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    INSERT INTO public.seen SELECT count(*) FROM nightjar.newcomers;
                    RETURN NULL;
                END $$;
                CREATE TRIGGER see AFTER INSERT ON nightjar.outcomes EXECUTE FUNCTION public.see();
                """)
            let idle = Function("idle", on: .name("test/never")).run { _, _ in }
            try await RunningWorker.with([idle], in: database) { _ in
                try await eventually("the event is applied") { try await probe.count("outcomes") == 200 }
            }
            let least = try await probe.value("SELECT min(newcomers) FROM public.seen", as: Int64.self)
            #expect(least > 0)
        }
    }

    @Test("One event answers 10,000 waits, of which its own transaction answers none")
    func answers() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.registerWide(condition: nil)
            try await probe.start(Self.many)
            try await probe.waitForAnswers()
            while try await probe.lookBack() {}

            try await probe.script("BEGIN")
            let seq = try await probe.send("test/answer", data: #"{"group": "g"}"#)
            let inline = try await probe.count("open_steps", where: "arrived IS NOT NULL")
            #expect(inline == 0)
            try await probe.script("COMMIT")
            let rounds = try await probe.applyInChunks()
            #expect(rounds.allSatisfy { $0 <= Self.chunk })
            #expect(rounds.count <= Self.many / Self.chunk + 1)

            let answered = try await probe.value(
                """
                SELECT count(*) FROM nightjar.open_steps o JOIN nightjar.events e ON e.event_id = o.arrived
                JOIN nightjar.live l USING (run_id) WHERE e.seq = $1 AND l.state = 0 AND l.mail = 1 AND l.due_at IS NULL
                """, [seq], as: Int64.self)
            #expect(answered == Int64(Self.many))
            try await probe.expectNothingLeft()
        }
    }

    @Test(
        "Of 10,000 candidates without a key of their own an event cancels the 10 that it is true for; the others go on")
    func condition() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.registerWide(condition: #"["<", ["event", "data", "n"], ["async", "data", "limit"]]"#)
            try await probe.start(Self.many)

            // The inserting transaction looks at the first 100 and no further.
            try await probe.send("test/cancel", data: #"{"group": "g", "limit": 10}"#)
            let inline = try await probe.count("outcomes")
            #expect(inline <= 10)
            // Whoever is not meant can be leased and recorded although the event is still pending.
            while try await probe.value("SELECT nightjar.search_newcomers(1000)", as: Bool.self) {}
            let claim = try await probe.claim(limit: 50)
            #expect(claim.runs.count + claim.blocked == 50)
            #expect(claim.blocked <= 10)
            let accepted = try await probe.commit(claim.runs.map { LeasedCommit(lease: $0.lease, next: .handBack) })
            #expect(accepted.count == claim.runs.count)

            let rounds = try await probe.applyInChunks()
            #expect(rounds.reduce(0, +) + Int(inline) == 10)
            #expect(rounds.count <= Self.many / Self.chunk + 1)
            let cancelled = try await probe.value(
                """
                SELECT string_agg(e.data ->> 'n', ' ' ORDER BY (e.data ->> 'n')::int) FROM nightjar.outcomes o
                JOIN nightjar.runs r USING (run_id) JOIN nightjar.events e USING (event_id)
                """, as: String.self)
            #expect(cancelled == "0 1 2 3 4 5 6 7 8 9")
            let alive = try await probe.count("live")
            #expect(alive == Int64(Self.many - 10))
            try await probe.expectNothingLeft()
        }
    }

    @Test(
        "While somebody holds the lowest candidates, all others are reached; then these too", arguments: [true, false])
    func lockedLowest(cancels: Bool) async throws {
        let (count, held) = (3_000, 700)
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let user = try await Probe(database)
            try await probe.registerWide(condition: nil)
            try await probe.start(count)
            if !cancels {
                try await probe.waitForAnswers()
                while try await probe.lookBack() {}
            }
            // More than a chunk: who began anew with the lowest each time would never come past them.
            try await user.script("BEGIN")
            _ = try await user.value(
                """
                SELECT count(*) FROM (SELECT FROM nightjar.live ORDER BY run_id LIMIT \(held) FOR UPDATE) l
                """, as: Int64.self)

            try await probe.send(cancels ? "test/cancel" : "test/answer", data: #"{"group": "g"}"#)
            let rounds = try await probe.applyInChunks()
            #expect(rounds.reduce(0, +) == count - held)
            #expect(rounds.count <= count / Self.chunk + 2)
            // The event is kept, and with it the promise that nothing is recorded of what it cancels.
            let pending = try await probe.count("pending")
            #expect(pending == 1)
            let again = try await probe.applyInChunks()
            #expect(again.reduce(0, +) == 0)

            try await user.script("ROLLBACK")
            let rest = try await probe.applyInChunks()
            #expect(rest.reduce(0, +) == held)
            let left = try await probe.count(
                cancels ? "live" : "open_steps", where: cancels ? "true" : "arrived IS NULL")
            #expect(left == 0)
            try await probe.expectNothingLeft()
        }
    }
}

extension Probe {
    /// Registers `post`, all of whose runs have the same key for `test/cancel`.
    fileprivate func registerWide(condition: String?) async throws {
        let branch = """
            {"trigger_path": ["data", "group"], "event_path": ["data", "group"], "condition": \(condition ?? "null")}
            """
        try await register(
            """
            [{"name": "post", "options": {}, "triggers": [{"event": "test/post"}],
              "cancel": [{"event": "test/cancel", "branches": [\(branch)]}]}]
            """)
    }

    /// Starts runs of one group, numbered from 0; the lowest numbers are spread among them.
    fileprivate func start(_ count: Int) async throws {
        try await run { db in
            _ = try db.query(
                """
                WITH sent AS (INSERT INTO nightjar.events (name, data)
                    SELECT 'test/post', jsonb_build_object('group', 'g', 'n', n * 7 % $1) FROM generate_series(1, $1) n
                    RETURNING 1)
                SELECT count(*) FROM sent
                """, [Int32(count)])
        }
    }

    /// Parks every run at a wait for an event of its group.
    fileprivate func waitForAnswers() async throws {
        let spec = try OpenStep.wait("w", for: "test/answer", Match.path("data.group")).spec()
        try await run { db in
            _ = try db.execute(
                "UPDATE nightjar.live SET state = 5, epoch = 1, due_at = now() + interval '1 hour', started_at = now()")
            _ = try db.execute(
                """
                INSERT INTO nightjar.open_steps (run_id, step, tenant_id, kind, started_at, due_at, spec)
                SELECT run_id, 'w', 1, 4, now(), now() + interval '1 hour', $1 FROM nightjar.live
                """, [PostgresJSON(spec)])
        }
    }

    /// Applies as a worker does, transaction by transaction, until nothing moves; answers how many runs each has reached.
    fileprivate func applyInChunks() async throws -> [Int] {
        var rounds: [Int] = []
        while true {
            let (runs, hasMore) = try await run { db in
                let rows = try db.query(Statement.applyPending.sql, [Int32(256), Int32(500), Int64(0)])
                return (rows.count - 1, try rows[rows.count - 1].decode(4, as: Bool.self))
            }
            rounds.append(runs)
            if !hasMore { return rounds }
        }
    }

    fileprivate func expectNothingLeft() async throws {
        let pending = try await count("pending")
        #expect(pending == 0)
        let violations = try await violations()
        #expect(violations == [])
    }
}
