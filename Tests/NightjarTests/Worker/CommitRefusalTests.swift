import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

@Suite("Why commits are refused, as metrics tell it")
struct CommitRefusalTests {
    @Test("a run that was cancelled is told apart from one that somebody else has leased")
    func reasons() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "gone")
            try await probe.send("test/post", key: "taken")
            let leases = try await probe.claim().runs.map(\.lease)
            try #require(leases.count == 2)
            let gone = try #require(try await probe.runs(key: "gone").first?.id)
            try await probe.send("test/cancel", key: "gone")
            try await probe.applyPending()
            try await probe.markDead(probe.session)
            try await probe.reap()
            let other = try await Probe(database)
            #expect(try await other.claim().runs.count == 1)

            let found = try await probe.run { db in try CommitRefusal.read(db, of: leases) }
            #expect(found.count == 2)
            for lease in leases {
                #expect(found[lease] == (lease.run == gone ? .cancelled : .superseded))
            }
        }
    }

    @Test("the time in a run's id is when it was made")
    func date() {
        let id = UUID(uuidString: "0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58")!
        #expect(UUIDv7.date(of: id) == Date(timeIntervalSince1970: 1755617459.230))
    }
}
