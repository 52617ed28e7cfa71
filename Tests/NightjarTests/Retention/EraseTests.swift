import Foundation
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

@Suite("Erasing on demand", .timeLimit(.minutes(2)))
struct EraseTests {
    /// Runs of two people, each of which fails with a handler, completes, or sleeps.
    private static func prepare(_ database: TestDatabase) async throws -> Probe {
        let connection = PostgresSession(database.configuration, logger: .silent)
        try await connection.run { db in
            let functions = """
                [{"name": "post", "options": {}, "triggers": [{"event": "test/post"}],
                  "cancel": [{"event": "test/cancel", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}]},
                 {"name": "handler", "options": {}, "triggers": [{"event": "inngest/function.failed", "source": "post"}], "cancel": []}]
                """
            _ = try db.query("SELECT nightjar.register('probe', $1)", [PostgresJSON(functions)])
        }
        await connection.close()
        let probe = try await Probe(database)
        for key in ["ada@x.org", "bob@x.org", "ada@x.org", "bob@x.org", "ada@x.org", "bob@x.org"] {
            try await probe.send("test/post", key: key)
        }
        let claim = try await probe.claim()
        for (index, run) in claim.runs.sorted(by: { $0.pass < $1.pass }).enumerated() {
            let key = index % 2 == 0 ? "ada@x.org" : "bob@x.org"
            let isRecorded = try await probe.commit([
                LeasedCommit(
                    lease: run.lease, tenant: 1, steps: [.done("mail", output: "\"\(key)\"")], next: .run(.keep))
            ])
            #expect(!isRecorded.isEmpty)
            switch index / 2 {
            case 0: _ = try await probe.complete(run.lease)
            case 1:
                _ = try await probe.commit([
                    LeasedCommit(
                        lease: run.lease, tenant: 1,
                        next: .run(.end(.failed(RunError(name: "Bounced", message: "no mailbox \(key)")))))
                ])
            default: _ = try await probe.park(run.lease, until: Date(timeIntervalSinceNow: 86_400))
            }
        }
        // The handlers of the two that failed.
        for run in try await probe.claim().runs { _ = try await probe.complete(run.lease) }
        try await probe.applyPending()
        return probe
    }

    @Test("a person's data goes, with the runs and the events that tell of them; nobody else's")
    func person() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            let target = Erasure.Target.value(path: "data.key", json: "\"ada@x.org\"")
            let preview = try await probe.run { db in try Erasure.preview(db, of: target) }
            #expect(preview.events == 4, "three of hers, and one that tells of a failure")
            #expect(preview.runs == 4 && preview.liveRuns == 1)
            let bobs = try await probe.reporting { db in
                try db.query("SELECT count(*) FROM nightjar.events e WHERE e::text LIKE '%bob@x.org%'")[0].decode(
                    0, as: Int64.self)
            }

            // Refused while a run of hers is alive, and nothing has changed.
            let error = await #expect(throws: PostgresError.self) {
                try await probe.run { db in try Erasure.request(db, target, cancels: false, actor: "test", reason: nil)
                }
            }
            #expect(error?.message == "1 of the runs that would be erased have not ended")
            #expect(error?.hint?.contains("cancel => true") == true)

            let id = try await probe.run { db in
                try Erasure.request(db, target, cancels: true, actor: "test", reason: "law")
            }
            let standing = try await probe.carryOut(id)
            #expect(standing.events >= 4 && standing.runs >= 4)
            #expect(try await probe.mentions("ada@x.org") == [])
            #expect(try await probe.count("live") == 1)
            #expect(try await probe.violations() == [])
            let left = try await probe.reporting { db in
                try db.query("SELECT count(*) FROM nightjar.events e WHERE e::text LIKE '%bob@x.org%'")[0].decode(
                    0, as: Int64.self)
            }
            #expect(left == bobs)
            #expect(try await probe.count("erased_runs") == 0)
            await probe.connection.close()
        }
    }

    @Test("a run that a worker holds is cancelled by way of what is pending, and then erased")
    func leased() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "held@x.org")
            let lease = try #require(try await probe.claim().runs.first).lease
            let event = try await probe.value("SELECT event_id FROM nightjar.events", as: UUID.self)
            let id = try await probe.run { db in
                try Erasure.request(db, .event(event), cancels: true, actor: "test", reason: nil)
            }
            let first = try await probe.run { db in try Erasure.advance(db, id) }
            #expect(first != nil)
            let standing = try await probe.carryOut(id)
            #expect(standing.events == 1 && standing.runs == 1)
            let isRecorded = try await probe.recordStep("late", under: lease)
            #expect(!isRecorded)
            #expect(try await probe.mentions("held@x.org") == [])
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }

    @Test("what is older than an instant goes; unfinished runs keep what they need")
    func before() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            let error = await #expect(throws: PostgresError.self) {
                try await probe.run { db in
                    try Erasure.request(
                        db, .before(Date(timeIntervalSinceNow: 60)), cancels: false, actor: "test", reason: nil)
                }
            }
            #expect(error?.message == "2 of the runs that would be erased have not ended")
            let id = try await probe.run { db in
                try Erasure.request(
                    db, .before(Date(timeIntervalSinceNow: 60)), cancels: true, actor: "test", reason: nil)
            }
            _ = try await probe.carryOut(id)
            for log in ["runs", "steps", "attempts", "outcomes", "live", "waits"] {
                #expect(try await probe.count(log) == 0, "\(log)")
            }
            #expect(try await probe.mentions("@x.org") == [])
            await probe.connection.close()
        }
    }

    @Test("another tenant's data is out of reach")
    func tenants() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            try await probe.script(
                "INSERT INTO nightjar.tenants (name) VALUES ('other'); SET nightjar.tenant = 2; INSERT INTO nightjar.events (name, data) VALUES ('x/y', '{\"key\": \"ada@x.org\"}')"
            )
            let id = try await probe.run { db in
                try Erasure.request(
                    db, .value(path: "data.key", json: "\"ada@x.org\""), cancels: true, actor: "test", reason: nil)
            }
            let standing = try await probe.carryOut(id)
            #expect(standing.events == 1 && standing.runs == 0)
            #expect(try await probe.count("events", where: "tenant_id = 2") == 0)
            #expect(try await probe.count("events", where: "data ->> 'key' = 'ada@x.org'") == 3)
            await probe.connection.close()
        }
    }

    @Test(
        "what cannot be meant is refused by name",
        arguments: [
            ("path => 'key', value => '1'", "the path \"key\" is none of an event's content"),
            ("path => 'data.key'", "a path and a value belong together"),
            ("", "say what is to be erased: an event, a path with a value, or a time"),
            (
                "event => '0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58'",
                "there is no event 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58"
            ),
        ])
    func refusals(arguments: String, message: String) async throws {
        try await TestDatabase.with { database in
            let connection = PostgresSession(database.configuration, logger: .silent)
            let error = await #expect(throws: PostgresError.self) {
                try await connection.run { db in _ = try db.query("SELECT nightjar.erase(\(arguments))") }
            }
            #expect(error?.message == message)
            await connection.close()
        }
    }

    @Test("a tenant with a shorter policy loses its rows, what is alive and what is others' stays")
    func shorterPolicy() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            try await probe.makeWeeks(back: 20)
            let all = try await probe.run { db in
                try db.query("SELECT run_id FROM nightjar.runs").map { try $0.decode(0, as: UUID.self) }
            }
            try await probe.shift(all, by: 50)
            try await probe.script(
                """
                INSERT INTO nightjar.tenants (name) VALUES ('other');
                INSERT INTO nightjar.events (event_id, tenant_id, name) VALUES (nightjar.uuid7_floor(now() - interval '50 days'), 2, 'x/y');
                SELECT nightjar.set_retention('runs', '30 days', 'default'), nightjar.set_retention('events', '30 days', 'default')
                """)
            let due = try await probe.count("due_weeks()")
            #expect(due == 0, "the other tenant keeps them for ever")
            for _ in 0..<50 {
                let isMore = try await probe.run { db in
                    try db.query(Statement.sweep.sql, [Int32(3)])[0].decode("more", as: Bool.self)
                }
                if !isMore { break }
            }
            let live = try await probe.liveRuns()
            #expect(live.count == 2)
            #expect(try await probe.count("runs") == 2)
            #expect(try await probe.rows("steps", of: live).count == 2)
            #expect(try await probe.count("outcomes") == 0)
            #expect(try await probe.count("events", where: "tenant_id = 2") == 1)
            #expect(try await probe.count("events", where: "event_id IN (SELECT event_id FROM nightjar.live)") == 2)
            let orphans = try await probe.count(
                "match_log", where: "event_id NOT IN (SELECT event_id FROM nightjar.events)")
            #expect(orphans == 0)
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }

    @Test("an event that is being run again is not deleted meanwhile")
    func rerunUnderWay() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            let row = try await probe.run { db in
                let row = try db.query(
                    "SELECT r.run_id, r.event_id FROM nightjar.runs r JOIN nightjar.outcomes o USING (run_id) WHERE o.status = 1 ORDER BY 1 LIMIT 1"
                )[0]
                return (run: try row.decode(0, as: UUID.self), event: try row.decode(1, as: UUID.self))
            }
            let other = PostgresSession(database.configuration, logger: .silent)
            try await other.run { db in
                try db.script("BEGIN")
                _ = try db.query("SELECT nightjar.rerun($1)", [row.run])
            }
            let during = try await probe.value(
                "SELECT nightjar.delete_events(ARRAY[$1::uuid])", [row.event], as: Int32.self)
            #expect(during == 0)
            try await other.run { db in try db.script("COMMIT") }
            await other.close()
            let after = try await probe.value(
                "SELECT nightjar.delete_events(ARRAY[$1::uuid])", [row.event], as: Int32.self)
            #expect(after == 0, "an unfinished run needs it")
            await probe.connection.close()
        }
    }

    @Test("leftovers of small tables go, what is in use stays")
    func tidy() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            let live = try #require(try await probe.liveRuns().first)
            try await probe.keep(days: 30)
            try await probe.script(
                """
                INSERT INTO nightjar.bulk_cancels (tenant_id, actor, state, ended_at) VALUES
                    (1, 'old', 3, now() - interval '91 days'), (1, 'young', 3, now()), (1, 'running', 1, NULL);
                INSERT INTO nightjar.interruptions (run_id, tenant_id, session_id, at) VALUES
                    (nightjar.uuid7_floor(now() - interval '40 days'), 1, gen_random_uuid(), now() - interval '2 days'),
                    (nightjar.uuid7(), 1, gen_random_uuid(), now());
                INSERT INTO nightjar.run_events VALUES (nightjar.uuid7_floor(now() - interval '40 days'), 1, nightjar.uuid7());
                INSERT INTO nightjar.flow_counters VALUES (1, 'throttle', 'old', now() - interval '2 days', 1), (1, 'throttle', 'new', now(), 1);
                INSERT INTO nightjar.singletons VALUES (1, 'dead', gen_random_uuid()), (1, 'alive', '\(live)');
                INSERT INTO nightjar.signals VALUES (1, 'dead', gen_random_uuid(), 's'), (1, 'alive', '\(live)', 's');
                """)
            // Those that stay do not keep it from those that are to go.
            try await probe.makeWeeks(back: 12)
            let kept = try await probe.value(
                "SELECT run_id FROM nightjar.runs ORDER BY run_id LIMIT 1", as: UUID.self)
            try await probe.shift([kept], by: 50)
            try await probe.script(
                "INSERT INTO nightjar.run_events SELECT run_id, 1, event_id FROM nightjar.runs WHERE run_id < nightjar.uuid7_floor(now() - interval '45 days')"
            )
            let count = try await probe.value("SELECT nightjar.tidy(1)", as: Int32.self)
            #expect(count == 6)
            #expect(
                try await probe.value(
                    "SELECT string_agg(actor, ' ' ORDER BY actor) FROM nightjar.bulk_cancels", as: String.self)
                    == "running young")
            #expect(try await probe.count("interruptions") == 1)
            #expect(try await probe.count("run_events") == 1)
            #expect(
                try await probe.value("SELECT string_agg(key, ' ') FROM nightjar.flow_counters", as: String.self)
                    == "new")
            #expect(
                try await probe.value("SELECT string_agg(key, ' ') FROM nightjar.singletons", as: String.self)
                    == "alive")
            #expect(
                try await probe.value("SELECT string_agg(signal, ' ') FROM nightjar.signals", as: String.self)
                    == "alive")
            await probe.connection.close()
        }
    }
}
