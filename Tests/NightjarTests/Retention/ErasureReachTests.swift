import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

@Suite("What an erasure reaches", .timeLimit(.minutes(2)))
struct ErasureReachTests {
    static let ada = Erasure.Target.value(path: "data.key", json: "\"ada@x.org\"")

    /// The function `post`, with handlers of its cancels and failures, one of which has a handler of its own.
    static func prepare(_ database: TestDatabase) async throws -> Probe {
        let connection = PostgresSession(database.configuration, logger: .silent)
        try await connection.run { db in
            let functions = """
                [{"name": "post", "options": {}, "triggers": [{"event": "test/post"}],
                  "cancel": [{"event": "test/cancel", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}]},
                 {"name": "cancelled", "options": {}, "triggers": [{"event": "inngest/function.cancelled", "source": "post"}], "cancel": []},
                 {"name": "failed", "options": {}, "triggers": [{"event": "inngest/function.failed", "source": "post"}], "cancel": []},
                 {"name": "again", "options": {}, "triggers": [{"event": "inngest/function.failed", "source": "failed"}], "cancel": []}]
                """
            _ = try db.query("SELECT nightjar.register('probe', $1)", [PostgresJSON(functions)])
        }
        await connection.close()
        return try await Probe(database)
    }

    private static func fail(_ lease: Lease, _ message: String, _ probe: Probe) async throws {
        let answers = try await probe.commit([
            LeasedCommit(lease: lease, tenant: 1, next: .run(.end(.failed(RunError(name: "E", message: message)))))
        ])
        #expect(!answers.isEmpty)
    }

    @Test(
        "the event of a cancel that the erasure itself makes goes too, however large the chunk",
        arguments: [false, true])
    func cancelled(before: Bool) async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            try await probe.send("test/post", key: "ada@x.org")
            let id = try await probe.erase(before ? .before(Date(timeIntervalSinceNow: 60)) : Self.ada)
            let standing = try await probe.carryOut(id, chunk: 1_000)
            #expect(standing.events == 2 && standing.runs == 2, "its event, the cancel's, and the handler: \(standing)")
            #expect(try await probe.mentions("ada@x.org") == [])
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }

    @Test("what tells of an old run goes with it, however young it is")
    func toldLater() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            try await probe.send("test/post", key: "ada@x.org")
            let lease = try #require(try await probe.claim().runs.first).lease
            let limit = Date()
            try await probe.send("test/post", key: "bob@x.org")
            try await Self.fail(lease, "no mailbox", probe)
            for run in try await probe.claim().runs { _ = try await probe.complete(run.lease) }
            let standing = try await probe.carryOut(try await probe.erase(.before(limit)))
            #expect(standing.events == 2 && standing.runs == 2, "\(standing)")
            #expect(try await probe.mentions("ada@x.org") == [])
            #expect(try await probe.mentions("bob@x.org") == ["nightjar.events"])
            await probe.connection.close()
        }
    }

    @Test("one event with an id of its sender's: what tells of its run is found by the run")
    func senderID() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            try await probe.send("test/post", key: "ada@x.org", id: "order-1")
            try await Self.fail(try #require(try await probe.claim().runs.first).lease, "ada@x.org bounced", probe)
            for run in try await probe.claim().runs { _ = try await probe.complete(run.lease) }
            let event = try await probe.value(
                "SELECT event_id FROM nightjar.events WHERE id = 'order-1'", as: UUID.self)
            let standing = try await probe.carryOut(try await probe.erase(.event(event)), chunk: 1_000)
            #expect(standing.events == 2 && standing.runs == 2, "\(standing)")
            #expect(standing.idsUntil != nil)
            #expect(try await probe.mentions("ada@x.org") == [])
            await probe.connection.close()
        }
    }

    @Test("what tells of a run that retention has dropped is found by the event's id")
    func toldOfDropped() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            try await probe.send("test/post", key: "ada@x.org", id: "order-1")
            try await Self.fail(try #require(try await probe.claim().runs.first).lease, "ada@x.org bounced", probe)
            for run in try await probe.claim().runs { _ = try await probe.complete(run.lease) }
            let count = try await probe.value(
                "SELECT nightjar.delete_runs(ARRAY(SELECT run_id FROM nightjar.runs))", as: Int32.self)
            #expect(count == 2)
            let event = try await probe.value(
                "SELECT event_id FROM nightjar.events WHERE id = 'order-1'", as: UUID.self)
            _ = try await probe.carryOut(try await probe.erase(.event(event)))
            #expect(try await probe.mentions("ada@x.org") == [])
            await probe.connection.close()
        }
    }

    @Test("an event too large to be repeated whole in what tells of its run")
    func large() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            try await probe.run { db in
                // Its failure's event has this twice, and the failure of the handler of that leaves it out.
                _ = try db.execute(
                    "INSERT INTO nightjar.events (name, data) VALUES ('test/post', jsonb_build_object('key', 'ada@x.org', 'pad', repeat('x', 4194250)))"
                )
            }
            try await Self.fail(try #require(try await probe.claim().runs.first).lease, "bounced", probe)
            try await Self.fail(try #require(try await probe.claim().runs.first).lease, "ada@x.org bounced", probe)
            for run in try await probe.claim().runs { _ = try await probe.complete(run.lease) }
            let omitted = try await probe.count("events", where: "data -> 'event' ? 'omitted'")
            #expect(omitted == 1)
            let standing = try await probe.carryOut(try await probe.erase(Self.ada))
            #expect(standing.events == 3 && standing.runs == 3, "\(standing)")
            #expect(try await probe.mentions("ada@x.org") == [])
            await probe.connection.close()
        }
    }

    @Test("an event under an id of a clock that is ahead: what tells of its run has a lower one")
    func clockAhead() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            let event = try await probe.value(
                "INSERT INTO nightjar.events (event_id, name, data) VALUES (nightjar.uuid7_floor(now() + interval '2 weeks'), 'test/post', '{\"key\": \"ada@x.org\"}') RETURNING event_id",
                as: UUID.self)
            try await Self.fail(try #require(try await probe.claim().runs.first).lease, "ada@x.org bounced", probe)
            for run in try await probe.claim().runs { _ = try await probe.complete(run.lease) }
            let standing = try await probe.carryOut(try await probe.erase(.event(event)))
            #expect(standing.events == 2 && standing.runs == 2, "\(standing)")
            #expect(try await probe.mentions("ada@x.org") == [])
            await probe.connection.close()
        }
    }

    @Test("what was sent after the request stays, also under an id of a clock that is behind")
    func sentAfter() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            try await probe.send("test/post", key: "ada@x.org")
            let id = try await probe.erase(Self.ada)
            try await probe.script(
                """
                INSERT INTO nightjar.events (event_id, name, data) VALUES
                    (nightjar.uuid7(), 'test/post', '{"key": "ada@x.org"}'),
                    (nightjar.uuid7_floor(now() - interval '1 day'), 'test/other', '{"key": "ada@x.org"}')
                """)
            let standing = try await probe.carryOut(id)
            #expect(standing.runs == 2, "hers, and the handler of its cancel: \(standing)")
            #expect(try await probe.count("events", where: "data ->> 'key' = 'ada@x.org'") == 2)
            #expect(try await probe.count("live") == 1)
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }

    @Test("what a transaction sent before the request, and commits after it, goes")
    func openTransaction() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            let other = PostgresSession(database.configuration, logger: .silent)
            try await other.run { db in
                try db.script(
                    "BEGIN; INSERT INTO nightjar.events (name, data) VALUES ('test/post', '{\"key\": \"ada@x.org\"}')")
            }
            let id = try await probe.erase(Self.ada)
            let waiting = try await probe.carryOn(id)
            #expect(!waiting.isDone && waiting.waitsFor?.contains("transactions") == true, "\(waiting)")
            try await other.run { db in try db.script("COMMIT") }
            await other.close()
            let standing = try await probe.carryOut(id)
            #expect(standing.events == 2, "\(standing)")
            #expect(try await probe.mentions("ada@x.org") == [])
            await probe.connection.close()
        }
    }

    @Test("without cancelling it is not done before the runs have ended that were started meanwhile")
    func waits() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            try await probe.send("test/post", key: "ada@x.org")
            let lease = try #require(try await probe.claim().runs.first).lease
            _ = try await probe.complete(lease)
            let id = try await probe.erase(Self.ada, cancels: false)
            _ = try await probe.value("SELECT nightjar.rerun($1)", [lease.run], as: UUID.self)
            let waiting = try await probe.carryOn(id)
            #expect(!waiting.isDone && waiting.waitsFor == "1 unfinished runs", "\(waiting)")
            #expect(try await probe.count("live") == 1, "it is not cancelled")
            try await Self.fail(try #require(try await probe.claim().runs.first).lease, "ada@x.org bounced", probe)
            let handler = try await probe.carryOn(id)
            #expect(!handler.isDone, "the handler of that has not ended")
            for run in try await probe.claim().runs { _ = try await probe.complete(run.lease) }
            let standing = try await probe.carryOut(id)
            #expect(standing.events == 2 && standing.runs == 3, "\(standing)")
            #expect(try await probe.mentions("ada@x.org") == [])
            await probe.connection.close()
        }
    }

    @Test(
        "runs that outlive their events: one is found by the event's id, of the others it is told that they cannot be")
    func droppedEvent() async throws {
        try await TestDatabase.with { database in
            let probe = try await Self.prepare(database)
            var events: [UUID] = []
            for key in ["ada@x.org", "bob@x.org"] {
                try await probe.send("test/post", key: key)
                let lease = try #require(try await probe.claim().runs.first).lease
                _ = try await probe.commit([
                    LeasedCommit(
                        lease: lease, tenant: 1, steps: [.done("mail", output: "\"\(key)\"")], next: .run(.keep))
                ])
                _ = try await probe.complete(lease)
                events.append(
                    try await probe.value("SELECT event_id FROM nightjar.runs WHERE run_id = $1", [lease.run]))
            }
            try await probe.script("DELETE FROM nightjar.events")
            let byValue = try await probe.carryOut(try await probe.erase(Self.ada))
            #expect(byValue.unreached == 2 && byValue.runs == 0, "\(byValue)")
            let preview = try await probe.run { db in try Erasure.preview(db, of: Self.ada) }
            #expect(preview.unreached == 2)
            let byEvent = try await probe.carryOut(try await probe.erase(.event(events[0])))
            #expect(byEvent.runs == 1, "\(byEvent)")
            #expect(try await probe.mentions("ada@x.org") == [])
            #expect(try await probe.mentions("bob@x.org") == ["nightjar.steps"])
            await probe.connection.close()
        }
    }
}
