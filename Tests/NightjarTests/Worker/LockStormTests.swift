import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

/// See docs/lock-protocol.md.
struct LockStormTests {
    @Test("Everything that takes locks at once, over the same runs: nobody waits in a circle, and nothing is lost")
    func storm() async throws {
        try await TestDatabase.with { database in
            let storm = try await LockStorm(database)
            for round in 0..<6 {
                try await storm.round(round)
                let lost = try await storm.lost()
                #expect(lost == [])
                let violations = try await storm.worker.violations()
                #expect(violations == [])
                try await storm.cleanUp()
            }
            let deadlocks = try await storm.deadlocks()
            #expect(deadlocks == 0)
        }
    }
}
