import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// An inserted event has its whole effect exactly when its transaction commits.
struct SendTests {
    @Test("A transaction that rolls back starts nothing")
    func rollback() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.script("BEGIN")
            try await probe.send("test/post", key: "k")
            try await probe.script("ROLLBACK")
            #expect(try await probe.runs(key: "k").isEmpty)
            #expect(try await probe.value("SELECT count(*) FROM nightjar.live", as: Int64.self) == 0)
            #expect(try await probe.value("SELECT count(*) FROM nightjar.pending", as: Int64.self) == 0)
        }
    }

    @Test("An event starts one run of every function that listens to its name, by name or by wildcard")
    func triggers() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.register(
                """
                [{"name": "exact", "options": {}, "triggers": [{"event": "app/user.created"}], "cancel": []},
                 {"name": "both", "options": {}, "triggers": [{"event": "app/user.created"}, {"event": "app/*"}], "cancel": []},
                 {"name": "prefix", "options": {}, "triggers": [{"event": "app/user.*"}], "cancel": []},
                 {"name": "other", "options": {}, "triggers": [{"event": "app/account.*"}], "cancel": []}]
                """)
            try await probe.send("app/user.created", key: "k")
            try await probe.send("app/user", key: "k")
            let started = try await probe.run { db in
                try db.query("SELECT function, count(*) FROM nightjar.run_status GROUP BY 1 ORDER BY 1")
                    .map { "\(try $0.decode(0, as: String.self)) \(try $0.decode(1, as: Int64.self))" }
            }
            #expect(started == ["both 2", "exact 1", "prefix 1"])
        }
    }

    @Test("An id is good once in 24 hours: for starting runs, and for cancelling them")
    func idempotency() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "k", id: "first")
            try await probe.send("test/post", key: "k", id: "first")
            #expect(try await probe.runs(key: "k").map(\.status) == ["queued"])

            try await probe.send("test/cancel", key: "k", id: "stop")
            try await probe.send("test/post", key: "k", id: "second")
            // The sender of the cancel tries again: the run scheduled in between must live.
            try await probe.send("test/cancel", key: "k", id: "stop")
            try await probe.applyPending()
            #expect(try await probe.runs(key: "k").map(\.status) == ["cancelled", "queued"])

            try await probe.script("UPDATE nightjar.idempotency SET at = at - interval '25 hours'")
            try await probe.send("test/post", key: "k", id: "first")
            try await probe.applyPending()
            #expect(try await probe.runs(key: "k").map(\.status) == ["cancelled", "cancelled", "queued"])
            #expect(try await probe.violations() == [])
        }
    }

    @Test("The same id in one statement counts once; a concurrent insert of it waits for the first to commit")
    func concurrentIDs() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let one = try await Probe(database)
            let two = try await Probe(database)
            let client = Client(database: database.configuration, logger: .silent)
            try await client.send((0..<5).map { _ in try NewEvent(name: "test/post", data: ["key": "s"], id: "same") })
            #expect(try await one.runs(key: "s").count == 1)

            try await one.script("BEGIN")
            try await one.send("test/post", key: "c", id: "race")
            let pid = try await two.value("SELECT pg_backend_pid()", as: Int32.self)
            let other = Task { try await two.send("test/post", key: "c", id: "race") }
            try await eventually("the second insert waits") {
                try await one.value("SELECT cardinality(pg_blocking_pids($1)) > 0", [pid], as: Bool.self)
            }
            try await one.script("COMMIT")
            _ = try await other.value
            #expect(try await two.runs(key: "c").count == 1)
            await client.close()
        }
    }

    @Test(
        "Values match as JSON values do; a missing field matches nothing",
        arguments: [
            ("1", "1.0", true), ("1", "1e0", true), ("100", "1e2", true), ("1", "\"1\"", false),
            ("\"a\"", "\"a\"", true),
            ("\"a\"", "\"A\"", false), ("true", "true", true), ("null", "null", true), ("null", nil, false),
            (nil, nil, false),
            (nil, "null", false), ("{\"a\": 1, \"b\": [2]}", "{\"b\": [2.0], \"a\": 1.00}", true),
            ("[1, 2]", "[2, 1]", false),
            ("\"é\"", "\"e\u{301}\"", false), ("0", "-0", true),
            ("123456789012345678901234567890", "123456789012345678901234567890.0", true),
        ] as [(String?, String?, Bool)])
    func matching(trigger: String?, cancel: String?, isMatch: Bool) async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            for (name, value) in [("test/post", trigger), ("test/cancel", cancel)] {
                let data = value.map { "{\"key\": \($0)}" } ?? "{}"
                _ = try await probe.value("SELECT nightjar.send($1, $2)", [name, PostgresJSON(data)], as: String.self)
            }
            try await probe.applyPending()
            let status = try await probe.value(
                "SELECT status FROM nightjar.run_status ORDER BY event_seq LIMIT 1", as: String.self)
            #expect(status == (isMatch ? "cancelled" : "queued"))
        }
    }

    @Test("What cannot be an event is refused by name")
    func refused() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            for (insert, constraint) in [
                ("INSERT INTO nightjar.events (name) VALUES ('')", "event_name"),
                ("INSERT INTO nightjar.events (name) VALUES ('app/*')", "event_name"),
                ("INSERT INTO nightjar.events (name) VALUES (E'a\\nb')", "event_name"),
                ("INSERT INTO nightjar.events (name, data) VALUES ('a', '[1]')", "event_data_is_object"),
                ("INSERT INTO nightjar.events (name, id) VALUES ('a', '')", "event_id_length"),
                ("INSERT INTO nightjar.events (name, ts) VALUES ('a', 'infinity')", "event_ts_range"),
                ("INSERT INTO nightjar.events (name, ts) VALUES ('a', '-infinity')", "event_ts_range"),
                (
                    "INSERT INTO nightjar.events (name, data) VALUES ('a', ('{\"n\": [' || repeat('1e100000,', 60) || '1]}')::jsonb)",
                    "event_data_size"
                ),
            ] {
                await #expect { try await probe.script(insert) } throws: {
                    ($0 as? PostgresError)?.constraint == constraint
                }
            }
        }
    }

    @Test(
        "A sender under a stricter isolation is not failed by what workers do meanwhile; its cancel lands all the same")
    func repeatableRead() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let worker = try await Probe(database)
            let user = try await Probe(database)
            try await worker.send("test/post", key: "k")
            try await user.script("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1 FROM nightjar.live")
            let lease = try #require(try await worker.claim().runs.first?.lease)
            try await user.send("test/cancel", key: "k")
            try await user.script("COMMIT")
            #expect(try await !worker.complete(lease))
            try await worker.applyPending()
            #expect(try await worker.status(of: lease.run) == "cancelled")
        }
    }

    @Test("A client's clock may be off by hours: the later event in sequence order cancels all the same")
    func clocks() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let one = try await Probe(database)
            let two = try await Probe(database)
            try await one.script("BEGIN")
            try await one.send("test/post", key: "k")
            try await two.run { db in
                _ = try db.execute(
                    """
                    INSERT INTO nightjar.events (event_id, name, data)
                    VALUES (nightjar.uuid7_floor(now() - interval '5 hours'), 'test/cancel', '{"key": "k"}')
                    """)
            }
            try await two.applyPending()
            try await one.script("COMMIT")
            #expect(try await one.claim().runs.isEmpty)
            try await one.applyPending()
            #expect(try await one.runs(key: "k").map(\.status) == ["cancelled"])
        }
    }

    @Test("A role that may only insert events sends them with their whole effect, and can do nothing else")
    func producerRole() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let admin = try await Probe(database)
            let role = "producer_\(database.name.suffix(8))"
            try await admin.script(
                """
                CREATE ROLE \(role); GRANT USAGE ON SCHEMA nightjar TO \(role); GRANT INSERT ON nightjar.events TO \(role)
                """)
            let producer = PostgresSession(database.configuration, logger: .silent)
            try await producer.run { db in
                try db.script("SET ROLE \(role)")
                try db.script("INSERT INTO nightjar.events (name, data) VALUES ('test/post', '{\"key\": \"k\"}')")
                try db.script("INSERT INTO nightjar.events (name, data) VALUES ('test/cancel', '{\"key\": \"k\"}')")
            }
            #expect(try await admin.runs(key: "k").map(\.status) == ["cancelled"])
            for forbidden in [
                "SELECT nightjar.cancel_runs('{}', '{}', true)", "SELECT nightjar.cancel(gen_random_uuid())",
                "SELECT nightjar.register('x', '[]')", "SELECT * FROM nightjar.live",
            ] {
                let refusal = await #expect(throws: PostgresError.self) {
                    try await producer.run { db in try db.script(forbidden) }
                }
                #expect(refusal?.sqlState == .insufficientPrivilege)
            }
            await producer.close()
            try await admin.script("DROP OWNED BY \(role); DROP ROLE \(role)")
        }
    }

    @Test("Partitions join without a gap wherever the server's clocks stand")
    func partitionBounds() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.script("SET timezone = 'Europe/Berlin'")
            #expect(try await probe.value("SELECT nightjar.make_partitions('60 weeks')", as: Int32.self) > 0)
            let gaps = try await probe.run { db in
                try db.query(
                    """
                    SELECT hi FROM (
                        SELECT split_part(bound, chr(39), 4) AS hi, lead(split_part(bound, chr(39), 2)) OVER (ORDER BY bound) AS next_lo
                        FROM (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_class c
                              JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'nightjar.events'::regclass) b) g
                    WHERE next_lo IS NOT NULL AND next_lo <> hi
                    """
                ).count
            }
            #expect(gaps == 0)
        }
    }

    @Test(
        "What a client may not send is refused before it is sent, with the reason",
        arguments: [
            ("", "{}", "must not be empty"), ("app/*", "{}", "\"*\""),
            ("inngest/function.failed", "{}", "Nightjar sends itself"),
            ("app/x", "[1]", "JSON object"), ("app/x", "{", "JSON"), ("app/x", "{\"a\": \"\\u0000\"}", "NUL"),
        ])
    func refusedByClient(name: String, json: String, reason: String) {
        let error = #expect(throws: EventError.self) { _ = try NewEvent(name: name, json: json) }
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    }

    @Test("Tenants do not see each other: same names, same values, no effect")
    func tenants() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.script("INSERT INTO nightjar.tenants (name) VALUES ('other')")
            try await probe.send("test/post", key: "k")
            try await probe.script("SET nightjar.tenant = '2'")
            try await probe.send("test/post", key: "k")
            try await probe.send("test/cancel", key: "k")
            try await probe.applyPending()
            let runs = try await probe.runs(key: "k")
            #expect(runs.map(\.status) == ["queued"])
        }
    }
}

extension Probe {
    func register(_ functions: String) async throws {
        try await run { db in
            _ = try db.query("SELECT nightjar.register($1, $2)", [Self.queueName, PostgresJSON(functions)])
        }
    }
}
