import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

@Suite("What an erasure takes from runs of others, and leaves them", .timeLimit(.minutes(2)))
struct ErasureOthersTests {
    private static let ada = ErasureReachTests.ada

    /// Starts a run of somebody else's, and answers its lease.
    private static func begin(_ probe: Probe) async throws -> Lease {
        try await probe.send("test/post", key: "bob@x.org")
        return try #require(try await probe.claim().runs.first).lease
    }

    /// The whole of an event, as a step that waited for it puts it out.
    private static func whole(_ key: String, _ probe: Probe) async throws -> String {
        try await probe.value(
            """
            SELECT jsonb_build_object('id', coalesce(id, event_id::text), 'name', name, 'data', data, 'user', "user", 'ts', 1)::text
            FROM nightjar.events WHERE data ->> 'key' = $1 LIMIT 1
            """, [key])
    }

    private static func answered(_ step: String, _ kind: StepKind, _ output: String) -> RecordedStep {
        RecordedStep(step: step, kind: kind, output: output, startedAt: Date(), endedAt: Date())
    }

    @Test("a step that such an event answered is blank, its run stays, and what the cancel of that listed is blank too")
    func waited() async throws {
        try await TestDatabase.with { database in
            let probe = try await ErasureReachTests.prepare(database)
            let lease = try await Self.begin(probe)
            try await probe.send("test/other", key: "ada@x.org")
            try await probe.send("test/other", key: "carl@x.org")
            let steps = [
                Self.answered("hers", .waitForEvent, try await Self.whole("ada@x.org", probe)),
                Self.answered("his", .waitForEvent, try await Self.whole("carl@x.org", probe)), .done("work"),
            ]
            _ = try await probe.commit([LeasedCommit(lease: lease, tenant: 1, steps: steps, next: .run(.keep))])
            _ = try await probe.park(lease, until: Date(timeIntervalSinceNow: 3_600))
            try await probe.send("test/cancel", key: "bob@x.org")
            try await probe.applyPending()
            for run in try await probe.claim().runs { _ = try await probe.complete(run.lease) }
            #expect(try await probe.mentions("ada@x.org") == ["nightjar.events", "nightjar.steps"])
            let preview = try await probe.run { db in try Erasure.preview(db, of: Self.ada) }
            #expect(preview.events == 1 && preview.runs == 0 && preview.answered == 1, "\(preview)")

            let standing = try await probe.carryOut(try await probe.erase(Self.ada))
            #expect(standing.events == 1 && standing.runs == 0 && standing.answered == 1, "\(standing)")
            #expect(try await probe.mentions("ada@x.org") == [])
            let outputs = try await probe.value(
                "SELECT string_agg(step || ' ' || coalesce(output #>> '{data,key}', output::text), ', ' ORDER BY step) FROM nightjar.steps",
                as: String.self)
            #expect(outputs == #"hers {"erased": true}, his carl@x.org, work 1"#)
            let listed = try await probe.value(
                "SELECT (data -> 'steps')::text FROM nightjar.events WHERE name = 'inngest/function.cancelled'",
                as: String.self)
            #expect(listed.contains("carl@x.org") && listed.contains(#"{"erased": true}"#), "\(listed)")
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }

    @Test(
        "an unfinished run that was answered is refused, or cancelled, also when a worker holds it",
        arguments: [false, true])
    func unfinished(leased: Bool) async throws {
        try await TestDatabase.with { database in
            let probe = try await ErasureReachTests.prepare(database)
            let lease = try await Self.begin(probe)
            try await probe.send("test/other", key: "ada@x.org")
            let step = Self.answered("hers", .waitForEvent, try await Self.whole("ada@x.org", probe))
            _ = try await probe.commit([LeasedCommit(lease: lease, tenant: 1, steps: [step], next: .run(.keep))])
            if !leased { _ = try await probe.park(lease, until: Date(timeIntervalSinceNow: 3_600)) }
            let error = await #expect(throws: PostgresError.self) { try await probe.erase(Self.ada, cancels: false) }
            #expect(error?.message == "1 of the runs that would be erased have not ended")
            let id = try await probe.erase(Self.ada)
            if leased {
                // The handler of the cancel holds what the cancel listed, and is not cancelled.
                for _ in 0..<60 {
                    _ = try await probe.run { db in try Erasure.advance(db, id) }
                    try await probe.applyPendingOnce()
                }
                let waiting = try #require(try await probe.run { db in try Erasure.standing(db, id) })
                #expect(waiting.waitsFor == "1 unfinished handlers of cancelled runs", "\(waiting)")
                for run in try await probe.claim().runs { _ = try await probe.complete(run.lease) }
            }
            let standing = try await probe.carryOut(id)
            #expect(standing.answered == 1, "\(standing)")
            #expect(try await probe.status(of: lease.run) == "cancelled")
            #expect(try await probe.mentions("ada@x.org") == [])
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }

    @Test("an invoked run that is erased leaves its parent, but for the step that has its result; other children stay")
    func invoked() async throws {
        try await TestDatabase.with { database in
            let probe = try await ErasureReachTests.prepare(database)
            let parent = try await Self.begin(probe)
            let openings = ["ada@x.org", "carl@x.org"].map { key in
                OpenStep(
                    step: String(key.prefix(3)), kind: .invoke,
                    invocation: Invocation(
                        function: "post", dataJSON: "{\"key\": \"\(key)\"}", cancelsWithParent: true),
                    dueAt: Date(timeIntervalSinceNow: 3_600), startedAt: Date())
            }
            #expect(try await probe.park(parent, opening: openings))
            for run in try await probe.claim().runs {
                let key = try await probe.value(
                    "SELECT data ->> 'key' FROM nightjar.events JOIN nightjar.runs USING (event_id) WHERE run_id = $1",
                    [run.lease.run], as: String.self)
                let output = "{\"mail\": \"\(key)\"}"
                _ = try await probe.commit([
                    LeasedCommit(lease: run.lease, tenant: 1, next: .run(.end(.completed(output: output))))
                ])
            }
            try await probe.applyPending()
            let again = try #require(try await probe.claim().runs.first).lease
            #expect(again.run == parent.run)
            let steps = ["ada@x.org", "carl@x.org"].map {
                Self.answered(String($0.prefix(3)), .invoke, "{\"mail\": \"\($0)\"}")
            }
            _ = try await probe.record([LeasedCommit(lease: again, tenant: 1, steps: steps, mail: 2, next: .run(.keep))]
            )
            #expect(try await probe.complete(again))

            let standing = try await probe.carryOut(try await probe.erase(Self.ada))
            #expect(standing.runs == 1 && standing.answered == 1, "\(standing)")
            #expect(try await probe.mentions("ada@x.org") == [])
            #expect(try await probe.count("runs") == 2)
            let outputs = try await probe.value(
                "SELECT string_agg(step || ' ' || output::text, ', ' ORDER BY step) FROM nightjar.steps",
                as: String.self)
            #expect(outputs == #"ada {"erased": true}, car {"mail": "carl@x.org"}"#)
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }

    @Test("what a run that is erased invoked goes with it, whatever it was given")
    func children() async throws {
        try await TestDatabase.with { database in
            let probe = try await ErasureReachTests.prepare(database)
            try await probe.send("test/post", key: "ada@x.org")
            let parent = try #require(try await probe.claim().runs.first).lease
            let opening = OpenStep(
                step: "c", kind: .invoke,
                invocation: Invocation(function: "post", dataJSON: #"{"to": "<ada@x.org>"}"#, cancelsWithParent: false),
                dueAt: Date(timeIntervalSinceNow: 3_600), startedAt: Date())
            #expect(try await probe.park(parent, opening: [opening]))
            let standing = try await probe.carryOut(try await probe.erase(Self.ada), chunk: 1_000)
            #expect(standing.runs >= 2, "\(standing)")
            for run in try await probe.claim().runs { _ = try await probe.complete(run.lease) }
            #expect(try await probe.mentions("ada@x.org") == [])
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }

    @Test("a signal's content goes by its path, and from the step that it answered")
    func signal() async throws {
        try await TestDatabase.with { database in
            let probe = try await ErasureReachTests.prepare(database)
            let lease = try await Self.begin(probe)
            let waiter = "\(lease.run.uuidString.lowercased()).s"
            try await probe.script(
                """
                SET nightjar.signal = 'sent';
                INSERT INTO nightjar.events (name, data) VALUES
                    ('inngest/signal.sent', '{"signal": "x", "data": {"mail": "ada@x.org"}, "waiter": "\(waiter)"}');
                RESET nightjar.signal
                """)
            let step = Self.answered("s", .waitForSignal, #"{"mail": "ada@x.org"}"#)
            _ = try await probe.commit([LeasedCommit(lease: lease, tenant: 1, steps: [step], next: .run(.keep))])
            #expect(try await probe.complete(lease))
            let target = Erasure.Target.value(path: "data.data.mail", json: "\"ada@x.org\"")
            let standing = try await probe.carryOut(try await probe.erase(target))
            #expect(standing.events == 1 && standing.answered == 1 && standing.runs == 0, "\(standing)")
            #expect(try await probe.mentions("ada@x.org") == [])
            await probe.connection.close()
        }
    }

    @Test("a batch in which her event is not the first, keys of limits, singletons, and requests that named her")
    func flow() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let key = #"["event", "data", "key"]"#
            let app = """
                {"name": "flow", "url": "http://127.0.0.1:1", "sdk": "py:v0", "checksum": "1", "functions": [
                  {"name": "batch", "options": {}, "triggers": [{"event": "test/go"}], "url": "http://127.0.0.1:1", "cancel": [],
                   "flow": {"batch": {"max": 2, "timeout_ms": 60000}}},
                  {"name": "limited", "options": {}, "triggers": [{"event": "test/go"}], "url": "http://127.0.0.1:1", "cancel": [],
                   "flow": {"rate_limit": {"limit": 5, "period_ms": 86400000, "key": \(key)}, "singleton": {"mode": "skip", "key": \(key)}}},
                  {"name": "throttled", "options": {}, "triggers": [{"event": "test/go"}], "url": "http://127.0.0.1:1", "cancel": [],
                   "flow": {"throttle": {"limit": 5, "period_ms": 86400000, "key": \(key)}}}]}
                """
            try await probe.run { db in _ = try db.query("SELECT * FROM nightjar.sync($1)", [PostgresJSON(app)]) }
            try await probe.send("test/go", key: "bob@x.org")
            try await probe.send("test/go", key: "ada@x.org")
            // One is left that waits for a second.
            try await probe.send("test/go", key: "ada@x.org")
            try await probe.run { db in _ = try db.query(Statement.gather.sql, [Int32(10)]) }
            #expect(try await probe.count("run_events") == 2)
            #expect(try await probe.count("gathered") == 1)
            try await probe.script(
                """
                INSERT INTO nightjar.bulk_cancels (tenant_id, actor, state, ended_at, path, expression) VALUES
                    (1, 'a', 3, now(), '$.data.key == "ada@x.org"', NULL), (1, 'b', 3, now(), NULL, 'event.data.key != "ada@x.org"'),
                    (1, 'c', 3, now(), '$.data.key == "bob@x.org"', NULL), (1, 'd', 2, NULL, '$.data.key == "ada@x.org"', NULL)
                """)
            let keyed = try await probe.mentions("ada@x.org")
            #expect(
                keyed == ["nightjar.bulk_cancels", "nightjar.events", "nightjar.flow_counters", "nightjar.singletons"])
            let bobs = try await probe.value(
                "SELECT count(*) FROM nightjar.flow_counters WHERE key LIKE '%bob%'", as: Int64.self)
            let id = try await probe.erase(Self.ada)
            for _ in 0..<60 {
                _ = try await probe.run { db in try Erasure.advance(db, id) }
                try await probe.applyPendingOnce()
            }
            let waiting = try #require(try await probe.run { db in try Erasure.standing(db, id) })
            #expect(waiting.waitsFor == "1 requests to cancel many that name the value and are not done", "\(waiting)")
            try await probe.script("UPDATE nightjar.bulk_cancels SET state = 3, ended_at = now() WHERE actor = 'd'")
            _ = try await probe.carryOut(id)
            #expect(try await probe.mentions("ada@x.org") == [])
            #expect(try await probe.count("gathered") == 0)
            #expect(try await probe.count("bulk_cancels", where: "path IS NOT NULL") == 1)
            #expect(try await probe.count("flow_counters", where: "key LIKE '%bob%'") == bobs)
            #expect(try await probe.count("events", where: "data ->> 'key' = 'bob@x.org'") == 1)
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }

    @Test("what erased runs had sent is counted, and gone where it has the value")
    func sent() async throws {
        try await TestDatabase.with { database in
            let probe = try await ErasureReachTests.prepare(database)
            try await probe.send("test/post", key: "ada@x.org")
            let lease = try #require(try await probe.claim().runs.first).lease
            try await probe.send("test/mail", key: "ada@x.org", id: "one")
            try await probe.send("test/mail", key: "someone", id: "two")
            let step = RecordedStep(
                step: "send", kind: .sendEvent, output: #"["one", "two"]"#, startedAt: Date(), endedAt: Date())
            _ = try await probe.commit([LeasedCommit(lease: lease, tenant: 1, steps: [step], next: .run(.keep))])
            #expect(try await probe.complete(lease))
            let standing = try await probe.carryOut(try await probe.erase(Self.ada))
            #expect(standing.events == 2 && standing.sent == 1, "\(standing)")
            #expect(try await probe.mentions("ada@x.org") == [])
            await probe.connection.close()
        }
    }
}
