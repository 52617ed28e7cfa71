import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

/// What becomes of what the dead held.
struct ReaperTests {
    @Test("A run that its workers die of fails at the limit, and says why; before it is handed back")
    func poison() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let watcher = try await Probe(database)
            try await watcher.send("test/post", key: "k")
            for death in 1...3 {
                let victim = try await Probe(database)
                // From the second death on it comes back after a moment.
                try await watcher.script("UPDATE nightjar.live SET due_at = now() WHERE due_at IS NOT NULL")
                #expect(try await victim.claim().runs.count == 1)
                try await victim.markDead(victim.session)
                #expect(try await watcher.reap(deathLimit: 3) == (death < 3 ? 1 : 0))
            }
            let (status, message) = try await watcher.run { db in
                let row = try db.query("SELECT status, error ->> 'message' FROM nightjar.run_status")[0]
                return (try row.decode(0, as: String.self), try row.decode(1, as: String.self))
            }
            #expect(status == "failed")
            #expect(message.contains("3 workers"))
            #expect(try await watcher.violations() == [])
        }
    }

    @Test("A run that gets on is forgiven: only deaths without any record between them count")
    func forgiven() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let watcher = try await Probe(database)
            try await watcher.send("test/post", key: "k")
            for death in 1...4 {
                let victim = try await Probe(database)
                try await watcher.script("UPDATE nightjar.live SET due_at = now() WHERE due_at IS NOT NULL")
                let lease = try #require(try await victim.claim().runs.first?.lease)
                #expect(try await victim.recordStep("step \(death)", under: lease))
                try await victim.markDead(victim.session)
                #expect(try await watcher.reap(deathLimit: 2) == 1)
            }
            #expect(try await watcher.violations() == [])
        }
    }

    @Test("A committed cancel wins over the reaper's verdict, too")
    func reapedAndCancelled() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let victim = try await Probe(database)
            let watcher = try await Probe(database)
            try await watcher.send("test/post", key: "k")
            let run = try #require(try await victim.claim().runs.first?.lease.run)
            try await watcher.send("test/cancel", key: "k")
            try await watcher.markDead(victim.session)
            try await watcher.reap(deathLimit: 1)
            #expect(try await watcher.claim().runs.isEmpty)
            try await watcher.applyPending()
            #expect(try await watcher.status(of: run) == "cancelled")
            #expect(try await watcher.violations() == [])
        }
    }
}
