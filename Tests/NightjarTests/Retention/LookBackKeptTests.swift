import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

@Suite("A step that looks back is answered only by an event that is there", .timeLimit(.minutes(2)))
struct LookBackKeptTests {
    /// A run that waits for `test/new`, of which two have come before.
    private static func open(_ database: TestDatabase) async throws -> (probe: Probe, run: UUID) {
        try await Probe.registerPost(in: database)
        let probe = try await Probe(database)
        try await probe.script(
            "INSERT INTO nightjar.match_paths (tenant_id, event, path) VALUES (1, 'test/new', '{data,key}')")
        try await probe.send("test/post", key: "k")
        let lease = try #require(try await probe.claim().runs.first).lease
        for _ in 0..<2 { try await probe.send("test/new", key: "k") }
        try await probe.applyPending()
        let isParked = try await probe.park(
            lease, opening: [.wait("w", for: "test/new", try .path("data.key"), looksBack: true)])
        #expect(isParked)
        return (probe, lease.run)
    }

    private static func numbers(_ probe: Probe) async throws -> [Int64] {
        try await probe.run { db in
            try db.query("SELECT seq FROM nightjar.events WHERE name = 'test/new' ORDER BY seq").map {
                try $0.decode(0)
            }
        }
    }

    @Test("of one that is gone only the key is left: the next one counts")
    func gone() async throws {
        try await TestDatabase.with { database in
            let (probe, run) = try await Self.open(database)
            let numbers = try await Self.numbers(probe)
            try await probe.script("DELETE FROM nightjar.events WHERE seq = \(numbers[0])")
            try await probe.settle()
            let arrived = try await probe.arrival(run, "w")
            #expect(arrived == numbers[1])
            await probe.connection.close()
        }
    }

    @Test("one that somebody is deleting is looked for again, and counts if it stays", arguments: [false, true])
    func deleting(stays: Bool) async throws {
        try await TestDatabase.with { database in
            let (probe, run) = try await Self.open(database)
            let numbers = try await Self.numbers(probe)
            let other = PostgresSession(database.configuration, logger: .silent)
            try await other.run { db in
                try db.script("BEGIN; DELETE FROM nightjar.events WHERE seq = \(numbers[0])")
            }
            let isLeft = try await probe.lookBack()
            #expect(isLeft)
            #expect(try await probe.arrival(run, "w") == nil)
            try await other.run { db in try db.script(stays ? "ROLLBACK" : "COMMIT") }
            await other.close()
            try await probe.settle()
            let arrived = try await probe.arrival(run, "w")
            #expect(arrived == numbers[stays ? 0 : 1])
            await probe.connection.close()
        }
    }
}
