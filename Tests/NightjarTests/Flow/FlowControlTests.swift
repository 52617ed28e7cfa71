import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

@Suite("Flow control: what an event does to functions whose runs do not simply start")
struct FlowControlTests {
    /// Registers the function `fn` of the remote app `flow`, started by `test/go`, cancelled by `test/stop` with its key.
    private static func register(_ flow: String, in probe: Probe) async throws {
        let app = """
            {"name": "flow", "url": "http://127.0.0.1:1", "sdk": "py:v0", "checksum": "\(flow.hashValue)", "functions": [
              {"name": "fn", "options": {}, "triggers": [{"event": "test/go"}], "url": "http://127.0.0.1:1", "flow": \(flow),
               "cancel": [{"event": "test/stop", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}]}]}
            """
        try await probe.run { db in _ = try db.query("SELECT * FROM nightjar.sync($1)", [PostgresJSON(app)]) }
    }

    /// Sends `test/go` with a key and a number.
    private static func send(_ key: String, _ number: Int, at ts: String = "now()", _ probe: Probe) async throws {
        try await probe.run { db in
            _ = try db.query(
                """
                WITH sent AS (INSERT INTO nightjar.events (name, data, ts)
                              VALUES ('test/go', jsonb_build_object('key', $1::text, 'n', $2::int), \(ts)) RETURNING 1)
                SELECT count(*) FROM sent
                """, [key, Int32(number)])
        }
    }

    /// The numbers of the events of each run, in the order of the runs.
    private static func runs(_ probe: Probe) async throws -> [[Int]] {
        try await probe.run { db in
            try db.query(
                """
                SELECT (SELECT array_agg((e.data ->> 'n')::int ORDER BY b.position)
                        FROM nightjar.events_of_run(r.run_id) WITH ORDINALITY AS b (event_id, position)
                        JOIN nightjar.events e ON e.event_id = b.event_id)
                FROM nightjar.runs r ORDER BY r.event_seq
                """
            ).map { try $0.decode(0, as: [Int32].self).map(Int.init) }
        }
    }

    private static func gather(_ probe: Probe) async throws -> (started: Int32, next: Duration?) {
        try await probe.run { db in
            let row = try db.query(Statement.gather.sql, [Int32(100)])[0]
            return (try row.decode(0), try row.decode(1))
        }
    }

    /// Moves what is gathered into the past.
    private static func age(_ probe: Probe, by interval: String) async throws {
        try await probe.script("UPDATE nightjar.gathered SET at = at - interval '\(interval)'")
    }

    @Test(
        "A batch starts when it is full, with its events in order, each in exactly one; keys have batches of their own")
    func batchBySize() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await Self.register(
                #"{"batch": {"max": 3, "timeout_ms": 60000, "key": ["event", "data", "key"]}}"#, in: probe)
            for number in 1...7 { try await Self.send("a", number, probe) }
            try await Self.send("b", 8, probe)
            let (started, next) = try await Self.gather(probe)
            #expect(started == 2)
            let wait = try #require(next)
            #expect(wait > .zero && wait <= .seconds(60))
            let runs = try await Self.runs(probe)
            #expect(runs == [[1, 2, 3], [4, 5, 6]])
        }
    }

    @Test(
        "A batch that does not fill up starts when its time is over; what its condition does not hold for starts alone")
    func batchByTime() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await Self.register(
                #"{"batch": {"max": 100, "timeout_ms": 60000, "if": ["!=", ["event", "data", "key"], ["lit", "alone"]]}}"#,
                in: probe)
            try await Self.send("a", 1, probe)
            try await Self.send("b", 2, probe)
            try await Self.send("alone", 3, probe)
            let alone = try await Self.runs(probe)
            #expect(alone == [[3]])
            let early = try await Self.gather(probe)
            #expect(early.started == 0)
            try await Self.age(probe, by: "61 seconds")
            let due = try await Self.gather(probe)
            #expect(due.started == 1 && due.next == nil)
            let runs = try await Self.runs(probe)
            #expect(runs == [[1, 2], [3]])
        }
    }

    @Test("Two gatherers at once, and senders beside them, put each event into one batch")
    func batchesAtOnce() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await Self.register(#"{"batch": {"max": 7, "timeout_ms": 60000}}"#, in: probe)
            try await withThrowingTaskGroup { group in
                for sender in 0..<4 {
                    group.addTask {
                        let own = try await Probe(database)
                        for number in 0..<50 { try await Self.send("k", sender * 50 + number, own) }
                    }
                }
                for _ in 0..<2 {
                    group.addTask {
                        let own = try await Probe(database)
                        for _ in 0..<40 { _ = try await Self.gather(own) }
                    }
                }
                try await group.waitForAll()
            }
            _ = try await Self.gather(probe)
            try await Self.age(probe, by: "61 seconds")
            _ = try await Self.gather(probe)
            let runs = try await Self.runs(probe)
            #expect(runs.flatMap(\.self).sorted() == Array(0..<200))
            #expect(runs.dropLast().allSatisfy { $0.count == 7 })
        }
    }

    @Test("Debounce starts one run with the last event after a quiet period, and no later than its limit")
    func debounce() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await Self.register(
                #"{"debounce": {"period_ms": 10000, "timeout_ms": 30000, "key": ["event", "data", "key"]}}"#, in: probe)
            try await Self.send("a", 1, probe)
            try await Self.age(probe, by: "9 seconds")
            try await Self.send("a", 2, probe)
            // It happened earlier than what is there: it neither replaces it nor puts it off.
            try await Self.send("a", 3, at: "now() - interval '1 minute'", probe)
            try await Self.send("b", 4, probe)
            let early = try await Self.gather(probe)
            #expect(early.started == 0)
            try await Self.age(probe, by: "10 seconds")
            let due = try await Self.gather(probe)
            #expect(due.started == 2)
            let runs = try await Self.runs(probe)
            #expect(runs == [[2], [4]])
            for number in 5...9 {
                try await Self.send("c", number, probe)
                try await Self.age(probe, by: "8 seconds")
            }
            let limited = try await Self.gather(probe)
            #expect(limited.started == 1)
            let all = try await Self.runs(probe)
            #expect(all == [[2], [4], [9]])
        }
    }

    @Test("A cancel that comes while an event is held back cancels the run that it starts")
    func cancelWhileDebounced() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await Self.register(#"{"debounce": {"period_ms": 10000}}"#, in: probe)
            try await Self.send("a", 1, probe)
            try await probe.send("test/stop", key: "a")
            try await Self.age(probe, by: "11 seconds")
            _ = try await Self.gather(probe)
            let queue = try await probe.value("SELECT queue FROM nightjar.live", as: Int32.self)
            let (session, function) = (
                probe.session, try await probe.value("SELECT function_id FROM nightjar.live", as: Int32.self)
            )
            let claim = try await probe.run { db in
                try Claim.make(db, queue: queue, functions: [function], session: session, limit: 10, low: .min)
            }
            #expect(claim.runs.isEmpty && claim.blocked == 1)
        }
    }

    @Test("A rate limit starts as many runs as its words say in each period, for each key")
    func rateLimit() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await Self.register(
                #"{"rate_limit": {"limit": 2, "period_ms": 3600000, "key": ["event", "data", "key"]}}"#, in: probe)
            for number in 1...4 { try await Self.send("a", number, probe) }
            try await Self.send("b", 5, probe)
            let first = try await Self.runs(probe)
            #expect(first == [[1], [2], [5]])
            try await probe.script("UPDATE nightjar.flow_counters SET at = at - interval '1 hour'")
            try await Self.send("a", 6, probe)
            let second = try await Self.runs(probe)
            #expect(second == [[1], [2], [5], [6]])
        }
    }

    @Test("Statements with the same keys in different orders do not wait for each other in a circle")
    func order() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await Self.register(
                #"{"rate_limit": {"limit": 1000, "period_ms": 3600000, "key": ["event", "data", "key"]}, "singleton": {"mode": "skip", "key": ["event", "data", "n"]}}"#,
                in: probe)
            try await withThrowingTaskGroup { group in
                for _ in 0..<6 {
                    group.addTask {
                        let own = try await Probe(database)
                        for _ in 0..<15 {
                            let keys = Array(0..<8).shuffled()
                            try await own.run { db in
                                _ = try db.query(
                                    """
                                    WITH sent AS (INSERT INTO nightjar.events (name, data)
                                                  SELECT 'test/go', jsonb_build_object('key', k::text, 'n', 7 - k)
                                                  FROM unnest($1::int[]) k RETURNING 1)
                                    SELECT count(*) FROM sent
                                    """, [keys.map { Int32($0) }])
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
            let count = try await probe.value("SELECT sum(count)::int FROM nightjar.flow_counters", as: Int32.self)
            #expect(count == 6 * 15 * 8)
        }
    }

    @Test(
        "Of two steps that wait for a signal the second is told, or takes the place of the first; a signal reaches one")
    func signals() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await Self.register("null", in: probe)
            for number in 1...2 { try await Self.send("a", number, probe) }
            func claim(_ number: Int, replace: Bool = false) async throws -> Bool {
                try await probe.value(
                    """
                    SELECT nightjar.claim_signal('go', l.run_id, 's', $2)
                    FROM nightjar.live l JOIN nightjar.events e USING (event_id) WHERE (e.data ->> 'n')::int = $1
                    """, [Int32(number), replace])
            }
            let answers = [
                try await claim(1), try await claim(1), try await claim(2), try await claim(2, replace: true),
                try await claim(1),
            ]
            #expect(answers == [true, true, false, true, false])
            let reached = try await probe.value("SELECT nightjar.send_signal('go', '1')", as: UUID?.self)
            #expect(reached == nil)
            await #expect(throws: PostgresError.self) {
                try await probe.script(
                    "SELECT nightjar.claim_signal(repeat('x', 2000), run_id, 's', false) FROM nightjar.live")
            }
        }
    }

    @Test("The same id as UUID and as ULID")
    func ulids() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let text = try await probe.value(
                "SELECT nightjar.ulid('0198c2f0-9a1b-7c3d-8e4f-5a6b7c8d9e0f') || nightjar.ulid('ffffffff-ffff-ffff-ffff-ffffffffffff')",
                as: String.self)
            #expect(text == "01K31F16GVFGYRWKTTDDY8V7GF" + "7ZZZZZZZZZZZZZZZZZZZZZZZZZ")
        }
    }

    @Test("A key of idempotency starts one run in a day")
    func idempotency() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await Self.register(#"{"idempotency": {"key": ["event", "data", "key"]}}"#, in: probe)
            try await Self.send("a", 1, probe)
            try await Self.send("a", 2, probe)
            try await Self.send("b", 3, probe)
            let runs = try await Self.runs(probe)
            #expect(runs == [[1], [3]])
        }
    }

    @Test("A throttle spaces the starts out, and drops nothing")
    func throttle() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await Self.register(#"{"throttle": {"limit": 1, "burst": 1, "period_ms": 60000}}"#, in: probe)
            for number in 1...4 { try await Self.send("a", number, probe) }
            let waits = try await probe.run { db in
                try db.query(
                    "SELECT coalesce(extract(epoch FROM l.due_at - now()), 0)::float8 FROM nightjar.live l ORDER BY l.pass"
                ).map { try $0.decode(0, as: Double.self) }
            }
            #expect(waits.count == 4 && waits[0] == 0 && waits[1] == 0)
            #expect((50...60).contains(waits[2]) && (110...120).contains(waits[3]))
        }
    }

    @Test("A singleton skips what comes while its run lives, or replaces it", arguments: ["skip", "cancel"])
    func singleton(_ mode: String) async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await Self.register(#"{"singleton": {"mode": "\#(mode)", "key": ["event", "data", "key"]}}"#, in: probe)
            for number in 1...3 { try await Self.send("a", number, probe) }
            try await Self.send("b", 4, probe)
            try await probe.run { db in
                while try db.query("SELECT EXISTS (SELECT FROM nightjar.pending)")[0].decode(0, as: Bool.self) {
                    _ = try db.query(Statement.applyPending.sql, [Int32(256), Int32(500), Int64(0)])
                }
            }
            let live = try await probe.run { db in
                try db.query(
                    "SELECT (e.data ->> 'n')::int FROM nightjar.live l JOIN nightjar.events e USING (event_id) ORDER BY l.pass"
                ).map { try $0.decode(0, as: Int32.self) }
            }
            #expect(live == (mode == "skip" ? [1, 4] : [3, 4]))
            let causes = try await probe.run { db in
                try db.query("SELECT cause ->> 'kind' FROM nightjar.outcomes").map { try $0.decode(0, as: String.self) }
            }
            #expect(causes == Array(repeating: mode == "skip" ? "skipped" : "singleton", count: 2))
            // Whoever held the key ended: it is free.
            try await probe.script("SELECT nightjar.cancel(run_id, 'test') FROM nightjar.live")
            try await Self.send("a", 5, probe)
            let count = try await probe.value("SELECT count(*) FROM nightjar.live", as: Int64.self)
            #expect(count == 1)
        }
    }
}
