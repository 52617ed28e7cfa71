import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// Events of concurrent calls over one client share commits, and nothing else.
@Suite("Group commit of events", .timeLimit(.minutes(2)))
struct EventGroupTests {
    private static func event(_ name: String, id: String? = nil) throws -> NewEvent {
        try NewEvent(name: name, json: "{}", id: id)
    }

    /// Whether a statement waits for a lock in this database; others' tests have the same server.
    private static func isBlocked(_ probe: Probe) async throws -> Bool {
        // Within a transaction the first answer is kept.
        try await probe.script("SELECT pg_stat_clear_snapshot()")
        return try await probe.value(
            """
            SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = 'nightjar client'
            """, as: Int64.self) > 0
    }

    /// Makes the calls while no statement can store anything, and lets go once so many wait for the first.
    private func blocking(
        _ probe: Probe, _ client: Client, waiting: Int, _ calls: [@Sendable () async throws -> [String]]
    ) async throws -> [Result<[String], any Error>] {
        try await probe.script("BEGIN; LOCK TABLE nightjar.events IN SHARE MODE")
        let tasks = calls.map { call in Task { try await call() } }
        try await eventually("the calls wait") { client.group.waiting == waiting }
        try await probe.script("COMMIT")
        var results: [Result<[String], any Error>] = []
        for task in tasks { results.append(await task.result) }
        return results
    }

    @Test("calls at once share commits; one that the database refuses fails alone")
    func shared() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.script("ALTER TABLE nightjar.events ADD CHECK (name <> 'bad')")
            let client = Client(database: database.configuration, connections: 2, logger: .silent)
            let results = try await blocking(
                probe, client, waiting: 39,
                (0..<40).map { index in
                    { try await client.send([Self.event(index % 13 == 5 ? "bad" : "good"), Self.event("x")]) }
                })
            let failed = results.indices.filter { (try? results[$0].get()) == nil }
            #expect(failed == [5, 18, 31])
            let stored = try await probe.value("SELECT count(*) FROM nightjar.events", as: Int64.self)
            #expect(stored == 74)
            let ids = try await probe.value(
                "SELECT array_agg(event_id::text) FROM nightjar.events", as: [String].self)
            #expect(Set(ids) == Set(results.flatMap { (try? $0.get()) ?? [] }))
            // Split around the three that were refused.
            let commits = try await probe.value(
                "SELECT count(DISTINCT xmin::text) FROM nightjar.events", as: Int64.self)
            #expect(commits < 20)
            await client.close()
        }
    }

    @Test("the events of a call are in its order, beside others' too")
    func order() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let client = Client(database: database.configuration, connections: 2, logger: .silent)
            let results = try await blocking(
                probe, client, waiting: 9,
                (0..<10).map { call in
                    { try await client.send((0..<5).map { try Self.event("n", id: "\(call)-\($0)") }) }
                })
            let sorted = try await probe.value(
                "SELECT array_agg(id ORDER BY seq) FROM nightjar.events", as: [String].self)
            for (call, result) in results.enumerated() {
                let ids = (0..<5).map { "\(call)-\($0)" }
                #expect(try result.get() == ids)
                #expect(sorted.filter { $0.hasPrefix("\(call)-") } == ids)
            }
            await client.close()
        }
    }

    @Test("a caller that is cancelled while it waits stores nothing; one that writes takes the others' events along")
    func cancelled() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let client = Client(database: database.configuration, connections: 2, logger: .silent)
            try await probe.script("BEGIN; LOCK TABLE nightjar.events IN SHARE MODE")
            let writer = Task { try await client.send([Self.event("writer")]) }
            try await eventually("it writes") {
                try await Self.isBlocked(probe)
            }
            let first = Task { try await client.send([Self.event("first")]) }
            try await eventually("one waits") { client.group.waiting == 1 }
            let second = Task { try await client.send([Self.event("second")]) }
            try await eventually("two wait") { client.group.waiting == 2 }
            writer.cancel()
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            #expect(client.group.waiting == 1)
            try await probe.script("COMMIT")
            _ = try await second.value
            _ = await writer.result
            let names = try await probe.value(
                "SELECT array_agg(name ORDER BY name) FROM nightjar.events", as: [String].self)
            #expect(names == ["second", "writer"])
            await client.close()
        }
    }

    @Test("an id that somebody's open transaction holds makes nobody wait who sends another")
    func held() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let client = Client(database: database.configuration, logger: .silent)
            try await probe.script("BEGIN; INSERT INTO nightjar.events (name, id, data) VALUES ('a', 'held', '{}')")
            let held = Task { try await client.send([Self.event("a", id: "held")]) }
            try await eventually("it waits for the id") {
                try await Self.isBlocked(probe)
            }
            for index in 0..<20 { try await client.send([Self.event("b", id: "\(index)")]) }
            try await probe.script("ROLLBACK")
            #expect(try await held.value == ["held"])
            let names = try await probe.value("SELECT count(*) FROM nightjar.events", as: Int64.self)
            #expect(names == 21)
            await client.close()
        }
    }

    @Test("nor those whose events share a statement with it: they are told once theirs are stored")
    func heldBesideOthers() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let other = try await Probe(database)
            let client = Client(database: database.configuration, connections: 2, logger: .silent)
            for (holder, id) in [(other, "first"), (probe, "held")] {
                try await holder.script(
                    "BEGIN; INSERT INTO nightjar.events (name, id, data) VALUES ('a', '\(id)', '{}')")
            }
            let first = Task { try await client.send([Self.event("a", id: "first")]) }
            try await eventually("the only writer waits for an id") {
                try await Self.isBlocked(other)
            }
            let held = Task { try await client.send([Self.event("a", id: "held")]) }
            try await eventually("it waits") { client.group.waiting == 1 }
            let others = (0..<5).map { index in Task { try await client.send([Self.event("b", id: "\(index)")]) } }
            try await eventually("they wait") { client.group.waiting == 6 }
            try await other.script("ROLLBACK")
            #expect(try await first.value == ["first"])
            for (index, task) in others.enumerated() { #expect(try await task.value == ["\(index)"]) }
            try await probe.script("ROLLBACK")
            #expect(try await held.value == ["held"])
            await client.close()
        }
    }
}
