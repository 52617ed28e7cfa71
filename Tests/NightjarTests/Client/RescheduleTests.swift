import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

/// One call cancels what was scheduled and schedules anew.
@Suite("Rescheduling", .timeLimit(.minutes(3)))
struct RescheduleTests {
    @Test("replaces what earlier events with the same key have started, and nothing else")
    func replaces() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            let client = Client(database: database.configuration, logger: .silent)
            try await client.send(TestJob(key: "other"))
            try await client.send(TestJob(key: "k"))
            let new = try await client.reschedule(TestJob(key: "k"), id: "again")
            #expect(new.eventID == "again")
            let runs = try await probe.runs(key: "k")
            #expect(runs.map(\.status) == ["cancelled", "queued"])
            #expect(runs.last?.id == new.runs.first)
            #expect(new.runs.count == 1)
            #expect(try await probe.runs(key: "other").map(\.status) == ["queued"])
            // An id that was here before has no second effect.
            let repeated = try await client.reschedule(TestJob(key: "k"), id: "again")
            #expect(repeated == Rescheduled(eventID: "again", runs: []))
            await client.close()
        }
    }

    @Test("twice at once leaves exactly the later one, whoever commits first", arguments: [true, false])
    func atOnce(firstCommitsFirst: Bool) async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let (one, two) = (try await Probe(database), try await Probe(database))
            try await one.send("test/post", key: "k")
            let event = try NewEvent(TestJob(key: "k"))
            for probe in [one, two] {
                try await probe.script("BEGIN")
                #expect(try await probe.run { db in try Client.reschedule(event, in: db) }.runs.count == 1)
            }
            for probe in firstCommitsFirst ? [one, two] : [two, one] { try await probe.script("COMMIT") }
            try await one.applyPending()
            let claimed = try await one.claim().runs.map(\.lease.run)
            try await one.applyPending()
            let runs = try await one.runs(key: "k")
            #expect(runs.map(\.status).dropLast() == ["cancelled", "cancelled"])
            let last = try #require(runs.last)
            // Where the later one committed first, its own first claim finds out about the other.
            if claimed.isEmpty {
                #expect(try await one.claim().runs.map(\.lease.run) == [last.id])
            } else {
                #expect(claimed == [last.id])
            }
            #expect(try await one.violations() == [])
        }
    }

    @Test("a thousand times from many sides: one run is left, of the latest event")
    func storm() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            let client = Client(database: database.configuration, connections: 8, logger: .silent)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<25 { try await client.reschedule(TestJob(key: "k")) }
                    }
                }
                try await group.waitForAll()
            }
            // Claims find what the inserting transactions could not see of each other.
            for _ in 0..<20 {
                try await probe.applyPending()
                _ = try await probe.claim(limit: 100)
            }
            try await probe.applyPending()
            let runs = try await probe.runs(key: "k")
            #expect(runs.count == 200)
            #expect(runs.last?.status == "running")
            #expect(runs.dropLast().allSatisfy { $0.status == "cancelled" })
            await client.close()
        }
    }

    @Test("an event that replaces nothing is refused, with the remedy, and not sent")
    func refusals() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            let client = Client(database: database.configuration, logger: .silent)
            let unknown = await #expect(throws: NightjarError.self) {
                try await client.reschedule(NewEvent(name: "test/cancel", data: ["key": "k"]))
            }
            #expect(unknown?.code == .replacesNothing)
            #expect(unknown?.message.contains("cancelOn") == true)
            let lacking = await #expect(throws: NightjarError.self) {
                try await client.reschedule(NewEvent(name: "test/post", data: ["other": 1]))
            }
            #expect(lacking?.code == .invalidEvent)
            #expect(lacking?.message.contains("data.key") == true)
            #expect(try await probe.value("SELECT count(*) FROM nightjar.events", as: Int64.self) == 0)
            #expect(try await probe.value("SELECT count(*) FROM nightjar.live", as: Int64.self) == 0)
            await client.close()
        }
    }

    @Test("in a transaction that rolls back leaves all as it was")
    func rollback() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "k")
            try await probe.script("BEGIN")
            let event = try NewEvent(TestJob(key: "k"))
            _ = try await probe.run { db in try Client.reschedule(event, in: db) }
            try await probe.script("ROLLBACK")
            try await probe.applyPending()
            #expect(try await probe.runs(key: "k").map(\.status) == ["queued"])
        }
    }
}
