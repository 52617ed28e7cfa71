import Foundation
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

@Suite("A cancel that was sent is not lost by dropping weeks, nor by deleting its event", .timeLimit(.minutes(2)))
struct KeptCancelTests {
    /// A trigger whose transaction is open, and a cancel after it that has been applied to everybody who could be seen.
    private static func open(
        _ database: TestDatabase, cancelID: String = "nightjar.uuid7()"
    ) async throws -> (probe: Probe, other: PostgresSession, cancel: UUID) {
        try await Probe.registerPost(in: database)
        let probe = try await Probe(database)
        let other = PostgresSession(database.configuration, logger: .silent)
        try await other.run { db in
            try db.script("BEGIN; INSERT INTO nightjar.events (name, data) VALUES ('test/post', '{\"key\": \"k\"}')")
        }
        let cancel = try await probe.value(
            "INSERT INTO nightjar.events (event_id, name, data) VALUES (\(cancelID), 'test/cancel', '{\"key\": \"k\"}') RETURNING event_id",
            as: UUID.self)
        try await probe.applyPending()
        return (probe, other, cancel)
    }

    /// The run is cancelled by the event.
    private static func finish(_ probe: Probe, _ other: PostgresSession) async throws {
        await other.close()
        #expect(try await probe.claim().runs.isEmpty)
        try await probe.applyPending()
        let status = try await probe.value("SELECT status FROM nightjar.run_status", as: String.self)
        #expect(status == "cancelled")
        #expect(try await probe.violations() == [])
    }

    private static func delete(_ event: UUID, _ probe: Probe) async throws -> Int32 {
        try await probe.value("SELECT nightjar.delete_events(ARRAY[$1::uuid])", [event])
    }

    @Test("deleting the event of a cancel waits for transactions that began before it, and for their runs")
    func deleted() async throws {
        try await TestDatabase.with { database in
            let (probe, other, cancel) = try await Self.open(database)
            for _ in 0..<3 { #expect(try await Self.delete(cancel, probe) == 0) }
            try await other.run { db in try db.script("COMMIT") }
            for _ in 0..<3 { #expect(try await Self.delete(cancel, probe) == 0, "its run has to look for it") }
            try await Self.finish(probe, other)
            #expect(try await Self.delete(cancel, probe) == 1)
            #expect(try await probe.count("match_log", where: "event_id = '\(cancel)'") == 0)
            await probe.connection.close()
        }
    }

    @Test("the order of a cancel is proved by the number that its outcome remembers, also where nothing else is left")
    func remembered() async throws {
        try await TestDatabase.with { database in
            let (probe, other, cancel) = try await Self.open(database)
            try await other.run { db in try db.script("COMMIT") }
            try await Self.finish(probe, other)
            #expect(try await Self.delete(cancel, probe) == 1)
            #expect(try await probe.violations() == [])
            try await probe.script(
                "UPDATE nightjar.outcomes SET cause = jsonb_set(cause, '{event_seq}', '0')")
            #expect(try await probe.violations().count == 1)
            await probe.connection.close()
        }
    }

    @Test("so does erasing it")
    func erased() async throws {
        try await TestDatabase.with { database in
            let (probe, other, cancel) = try await Self.open(database)
            let id = try await probe.erase(.event(cancel))
            let waiting = try await probe.carryOn(id)
            #expect(!waiting.isDone)
            try await other.run { db in try db.script("COMMIT") }
            let needed = try await probe.carryOn(id)
            #expect(
                !needed.isDone && needed.waitsFor?.contains("1 events that unfinished work needs") == true, "\(needed)")
            try await Self.finish(probe, other)
            let standing = try await probe.carryOut(id)
            #expect(standing.events == 1, "\(standing)")
            await probe.connection.close()
        }
    }

    @Test("a week of keys is kept while transactions are open, and then what their runs have to look for")
    func week() async throws {
        try await TestDatabase.with { database in
            try await Probe(database).makeWeeks(back: 12)
            let (probe, other, cancel) = try await Self.open(database)
            // As if all of it had begun 60 days ago.
            try await other.run { db in
                for table in ["waits", "live", "runs"] {
                    try db.script(
                        "UPDATE nightjar.\(table) SET run_id = nightjar.uuid7_floor(now() - interval '60 days')")
                }
            }
            try await probe.script(
                "UPDATE nightjar.match_log SET log_id = nightjar.uuid7_floor(now() - interval '60 days') WHERE event_id = '\(cancel)'"
            )
            try await probe.run { db in try RetentionPolicy.set(db, "match_log", keep: "30 days", tenant: nil) }
            var retention = Retention(database: database.configuration, logger: .silent)
            retention.patience = .milliseconds(50)
            let during = try #require(try await retention.apply(all: true))
            #expect(
                !during.isEmpty && during.allSatisfy { $0.outcome.reason?.contains("stayed open") == true }, "\(during)"
            )
            try await other.run { db in try db.script("COMMIT") }
            await other.close()
            let after = try #require(try await retention.apply(all: true))
            #expect(after.count { $0.outcome == .emptied(keptRows: 1) } == 1, "\(after)")
            #expect(try await probe.count("match_log", where: "event_id = '\(cancel)'") == 1)
            #expect(try await probe.violations() == [])
            await probe.connection.close()
        }
    }

    @Test("an event under an old id of its sender's, of which a run has still to look for the key, is needed")
    func oldID() async throws {
        try await TestDatabase.with { database in
            try await Probe(database).makeWeeks(back: 12)
            let (probe, other, cancel) = try await Self.open(
                database, cancelID: "nightjar.uuid7_floor(now() - interval '60 days')")
            try await other.run { db in try db.script("COMMIT") }
            try await probe.run { db in
                try RetentionPolicy.set(db, "events", keep: "30 days", tenant: nil)
                try RetentionPolicy.set(db, "match_log", keep: "30 days", tenant: nil)
            }
            let retention = Retention(database: database.configuration, logger: .silent)
            let results = try #require(try await retention.apply(all: true))
            #expect(results.contains { $0.log == .events && $0.outcome == .emptied(keptRows: 1) }, "\(results)")
            #expect(try await probe.count("events", where: "event_id = '\(cancel)'") == 1)
            try await Self.finish(probe, other)
            await probe.connection.close()
        }
    }

    @Test("what cancels a gathered event stays until that has started its run")
    func gathered() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let app = """
                {"name": "flow", "url": "http://127.0.0.1:1", "sdk": "py:v0", "checksum": "1", "functions": [
                  {"name": "fn", "options": {}, "triggers": [{"event": "test/go"}], "url": "http://127.0.0.1:1",
                   "flow": {"debounce": {"period_ms": 3600000}},
                   "cancel": [{"event": "test/stop", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}]}]}
                """
            try await probe.run { db in _ = try db.query("SELECT * FROM nightjar.sync($1)", [PostgresJSON(app)]) }
            try await probe.send("test/go", key: "k")
            try await probe.send("test/stop", key: "k")
            try await probe.send("test/stop", key: "other")
            try await probe.applyPending()
            let needed = try await probe.value(
                "SELECT count(*) FROM nightjar.needed_keys('00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-7fff-bfff-ffffffffffff')",
                as: Int64.self)
            #expect(needed == 1)
            let stops = try await probe.run { db in
                try db.query("SELECT event_id FROM nightjar.events WHERE name = 'test/stop' ORDER BY seq").map {
                    try $0.decode(0, as: UUID.self)
                }
            }
            #expect(try await Self.delete(stops[0], probe) == 0)
            #expect(try await Self.delete(stops[1], probe) == 1)
            try await probe.script(
                "UPDATE nightjar.gathered SET at = at - interval '2 hours'; UPDATE nightjar.events SET received_at = received_at - interval '2 hours' WHERE name = 'test/go'"
            )
            try await probe.run { db in _ = try db.query(Statement.gather.sql, [Int32(10)]) }
            try await probe.searchNewcomers()
            try await probe.applyPending()
            let status = try await probe.value("SELECT status FROM nightjar.run_status", as: String.self)
            #expect(status == "cancelled")
            await probe.connection.close()
        }
    }
}
