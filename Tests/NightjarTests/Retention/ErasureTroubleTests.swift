import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

@Suite("An erasure that something is in the way of", .timeLimit(.minutes(2)))
struct ErasureTroubleTests {
    private static let ada = ErasureReachTests.ada

    @Test("a step of a remote app that put out anything at all does not stop it")
    func oddOutput() async throws {
        try await TestDatabase.with { database in
            let probe = try await ErasureReachTests.prepare(database)
            try await probe.send("test/post", key: "ada@x.org")
            let lease = try #require(try await probe.claim().runs.first).lease
            let outputs = [#"{"ids": "abc"}"#, #"{"ids": null}"#, #"["one", 2, {}]"#, "7", #""x""#, "null"]
            let steps = outputs.enumerated().map { index, output in
                RecordedStep(
                    step: "s\(index)", kind: .sendEvent, output: output, startedAt: Date(), endedAt: Date())
            }
            _ = try await probe.commit([LeasedCommit(lease: lease, tenant: 1, steps: steps, next: .run(.keep))])
            #expect(try await probe.complete(lease))
            let standing = try await probe.carryOut(try await probe.erase(Self.ada))
            #expect(standing.runs == 1 && standing.sent == 3, "\(standing)")
            await probe.connection.close()
        }
    }

    @Test("one that fails says so, keeps nobody from the others, and goes on where it was")
    func failing() async throws {
        try await TestDatabase.with { database in
            let probe = try await ErasureReachTests.prepare(database)
            for key in ["ada@x.org", "bob@x.org"] { try await probe.send("test/other", key: key) }
            let failing = try await probe.erase(Self.ada)
            let other = try await probe.erase(.value(path: "data.key", json: "\"bob@x.org\""))
            try await probe.script(
                """
                CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk smokes'; END $$;
                CREATE TRIGGER refuse BEFORE INSERT ON nightjar.erased_events FOR EACH ROW WHEN (NEW.erase_id = '\(failing)')
                    EXECUTE FUNCTION public.refuse()
                """)
            for _ in 0..<60 { _ = try await probe.run { db in try Erasure.advance(db, nil) } }
            let standings = try await probe.run { db in
                [try Erasure.standing(db, failing), try Erasure.standing(db, other)]
            }
            #expect(standings[1]?.isDone == true, "\(standings)")
            #expect(standings[0]?.isDone == false)
            #expect(standings[0]?.waitsFor == "an error (P0001) in phase 1: the disk smokes", "\(standings)")
            try await probe.script("DROP TRIGGER refuse ON nightjar.erased_events")
            _ = try await probe.carryOut(failing)
            #expect(try await probe.mentions("ada@x.org") == [])
            await probe.connection.close()
        }
    }

    @Test("where runs are kept for shorter than events, it says how many events may tell of what is meant")
    func untold() async throws {
        try await TestDatabase.with { database in
            let probe = try await ErasureReachTests.prepare(database)
            try await probe.send("test/post", key: "ada@x.org")
            let parent = try #require(try await probe.claim().runs.first).lease
            let opening = OpenStep(
                step: "c", kind: .invoke,
                invocation: Invocation(function: "post", dataJSON: #"{"to": "<ada@x.org>"}"#, cancelsWithParent: true),
                dueAt: Date(timeIntervalSinceNow: 3_600), startedAt: Date())
            #expect(try await probe.park(parent, opening: [opening]))
            for run in try await probe.claim().runs { _ = try await probe.complete(run.lease) }
            try await probe.applyPending()
            let again = try #require(try await probe.claim().runs.first).lease
            let step = RecordedStep(step: "c", kind: .invoke, output: "1", startedAt: Date(), endedAt: Date())
            _ = try await probe.record([
                LeasedCommit(lease: again, tenant: 1, steps: [step], mail: 1, next: .run(.keep))
            ])
            #expect(try await probe.complete(again))
            let known = try await probe.run { db in try Erasure.preview(db, of: Self.ada) }
            #expect(known.untold == 0, "\(known)")
            _ = try await probe.value(
                "SELECT nightjar.delete_runs(ARRAY(SELECT run_id FROM nightjar.runs))", as: Int32.self)
            let preview = try await probe.run { db in try Erasure.preview(db, of: Self.ada) }
            #expect(preview.events == 1 && preview.untold == 2, "\(preview)")
            let standing = try await probe.carryOut(try await probe.erase(Self.ada))
            #expect(standing.events == 1 && standing.untold == 2, "\(standing)")
            let before = try await probe.carryOut(try await probe.erase(.before(Date(timeIntervalSinceNow: 60))))
            #expect(before.untold == 0, "\(before)")
            #expect(try await probe.mentions("ada@x.org") == [])
            await probe.connection.close()
        }
    }

    @Test("by time it takes what tells of a run that began before, also where that is no longer kept")
    func toldAfter() async throws {
        try await TestDatabase.with { database in
            let probe = try await ErasureReachTests.prepare(database)
            try await probe.send("test/post", key: "ada@x.org")
            let lease = try #require(try await probe.claim().runs.first).lease
            let limit = Date()
            let error = RunError(name: "E", message: "bounced")
            _ = try await probe.commit([
                LeasedCommit(lease: lease, tenant: 1, next: .run(.end(.failed(error))))
            ])
            for run in try await probe.claim().runs { _ = try await probe.complete(run.lease) }
            _ = try await probe.value(
                "SELECT nightjar.delete_runs(ARRAY(SELECT run_id FROM nightjar.runs))", as: Int32.self)
            let standing = try await probe.carryOut(try await probe.erase(.before(limit)))
            #expect(standing.events == 2, "\(standing)")
            #expect(try await probe.mentions("ada@x.org") == [])
            await probe.connection.close()
        }
    }

    @Test("a sender with an open transaction at a key of hers is not waited for, and does not wait")
    func senderAtKey() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let app = """
                {"name": "flow", "url": "http://127.0.0.1:1", "sdk": "py:v0", "checksum": "1", "functions": [
                  {"name": "batch", "options": {}, "triggers": [{"event": "test/go"}], "url": "http://127.0.0.1:1", "cancel": [],
                   "flow": {"batch": {"max": 20, "timeout_ms": 60000}}},
                  {"name": "limited", "options": {}, "triggers": [{"event": "test/go"}], "url": "http://127.0.0.1:1", "cancel": [],
                   "flow": {"rate_limit": {"limit": 1, "period_ms": 86400000, "key": ["event", "data", "key"]}}}]}
                """
            try await probe.run { db in _ = try db.query("SELECT * FROM nightjar.sync($1)", [PostgresJSON(app)]) }
            for key in ["ada@x.org", "bob@x.org"] { try await probe.send("test/go", key: key) }
            let id = try await probe.erase(.before(Date(timeIntervalSinceNow: 60)))
            let other = PostgresSession(database.configuration, logger: .silent)
            try await other.run { db in
                try db.script("BEGIN; UPDATE nightjar.flow_counters SET count = count + 1 WHERE key LIKE '%bob%'")
            }
            // Neither an error nor a wait: what is locked is left for later.
            try await probe.script("SET lock_timeout = '1s'; UPDATE nightjar.erasures SET phase = 1")
            let waiting = try await probe.carryOn(id)
            #expect(
                !waiting.isDone && waiting.waitsFor?.contains("events that unfinished work needs") == true,
                "\(waiting)")
            #expect(try await probe.count("flow_counters") == 1, "only the one that is held is left")
            let next = try await probe.run { db in try db.query(Statement.gather.sql, [Int32(10)]).count }
            #expect(next == 1)
            try await other.run { db in try db.script("ROLLBACK") }
            await other.close()
            _ = try await probe.carryOut(id)
            #expect(try await probe.mentions("ada@x.org") == [])
            await probe.connection.close()
        }
    }

    @Test("a run that is run again in an open transaction takes along what is blanked, and is found")
    func rerunUnderWay() async throws {
        try await TestDatabase.with { database in
            let probe = try await ErasureReachTests.prepare(database)
            try await probe.send("test/post", key: "bob@x.org")
            let lease = try #require(try await probe.claim().runs.first).lease
            try await probe.send("test/other", key: "ada@x.org")
            let began = Date(timeIntervalSinceNow: -10)
            let output = #"{"id": "x", "name": "test/other", "data": {"key": "ada@x.org"}}"#
            let steps = [
                RecordedStep(step: "hers", kind: .waitForEvent, output: output, startedAt: began, endedAt: began),
                .done("later"),
            ]
            _ = try await probe.commit([LeasedCommit(lease: lease, tenant: 1, steps: steps, next: .run(.keep))])
            #expect(try await probe.complete(lease))
            let id = try await probe.erase(Self.ada)
            while try await probe.value("SELECT phase = 0 FROM nightjar.erasures", as: Bool.self) {
                _ = try await probe.run { db in try Erasure.advance(db, id) }
            }
            let other = PostgresSession(database.configuration, logger: .silent)
            try await other.run { db in
                try db.script("BEGIN; SELECT nightjar.rerun('\(lease.run)', 'later')")
            }
            let waiting = try await probe.carryOn(id)
            #expect(!waiting.isDone && waiting.answered == 1, "\(waiting)")
            try await other.run { db in try db.script("COMMIT") }
            await other.close()
            #expect(try await probe.mentions("ada@x.org") == ["nightjar.erasures", "nightjar.steps"])
            let standing = try await probe.carryOut(id)
            #expect(standing.answered == 2, "\(standing)")
            #expect(try await probe.mentions("ada@x.org") == [])
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }

    @Test("what cannot be meant is refused, by name")
    func refused() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            for (call, message) in [
                ("nightjar.erase(path => 'data.key', value => 'null')", "null is nobody's value"),
                ("nightjar.erase(path => 'data.*', value => '1')", "the path \"data.*\" has a wildcard"),
                ("nightjar.erase_advance(0)", "a chunk cannot be 0 rows"),
                ("nightjar.set_retention('runs', '1 month -29 days')", "a log cannot be kept for 1 mon -29 days"),
                ("nightjar.set_retention('runs', '2 days -25:00')", "a log cannot be kept for 2 days -25:00:00"),
            ] {
                let error = await #expect(throws: PostgresError.self) { try await probe.script("SELECT \(call)") }
                #expect(error?.message == message, "\(call)")
            }
            try await probe.script("SET nightjar.tenant = '99'")
            let error = await #expect(throws: PostgresError.self) { try await probe.erase(Self.ada) }
            #expect(error?.message == "there is no tenant 99")
            await probe.connection.close()
        }
    }

    @Test("a run of another tenant that an event names stays")
    func otherTenant() async throws {
        try await TestDatabase.with { database in
            let probe = try await ErasureReachTests.prepare(database)
            try await probe.send("test/post", key: "bob@x.org")
            let lease = try #require(try await probe.claim().runs.first).lease
            #expect(try await probe.complete(lease))
            try await probe.script(
                """
                SELECT nightjar.create_tenant('acme');
                SET nightjar.signal = 'sent';
                INSERT INTO nightjar.events (tenant_id, name, data)
                SELECT t.tenant_id, 'inngest/function.failed', '{"key": "ada@x.org", "run_id": "\(lease.run.uuidString.lowercased())"}'
                FROM nightjar.tenants t WHERE t.name = 'acme';
                RESET nightjar.signal;
                SELECT set_config('nightjar.tenant', tenant_id::text, false) FROM nightjar.tenants WHERE name = 'acme'
                """)
            let preview = try await probe.run { db in try Erasure.preview(db, of: Self.ada) }
            #expect(preview.events == 1 && preview.runs == 0, "\(preview)")
            let standing = try await probe.carryOut(try await probe.erase(Self.ada))
            #expect(standing.events == 1 && standing.runs == 0, "\(standing)")
            try await probe.script("RESET nightjar.tenant")
            #expect(try await probe.count("runs") == 1)
            await probe.connection.close()
        }
    }

    @Test("it says until when a function's own key for repeated events is remembered")
    func functionKey() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let app = """
                {"name": "flow", "url": "http://127.0.0.1:1", "sdk": "py:v0", "checksum": "1", "functions": [
                  {"name": "once", "options": {}, "triggers": [{"event": "test/go"}], "url": "http://127.0.0.1:1", "cancel": [],
                   "flow": {"idempotency": {"key": ["event", "data", "key"]}}}]}
                """
            try await probe.run { db in _ = try db.query("SELECT * FROM nightjar.sync($1)", [PostgresJSON(app)]) }
            try await probe.send("test/go", key: "ada@x.org")
            #expect(try await probe.count("idempotency") == 1)
            let standing = try await probe.carryOut(try await probe.erase(Self.ada))
            #expect(standing.events == 1 && standing.idsUntil != nil, "\(standing)")
            await probe.connection.close()
        }
    }
}
