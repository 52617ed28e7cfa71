import Foundation
import NightjarTesting
import PostgresClient
import Synchronization
import Testing

@testable import Nightjar

/// Cancels against completions.
struct CancelRaceTests {
    private static let rounds = 50
    private static let runsPerRound = 200
    private static let batch = 20

    @Test("A cancel and a completion racing 10,000 times end exactly once each; an acknowledged cancel never loses")
    func race() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let worker = try await Probe(database)
            let canceller = try await Probe(database)
            for probe in [worker, canceller] { try await probe.script("SET synchronous_commit = off") }
            var random = SystemRandomNumberGenerator()
            var completed: Set<UUID> = []
            for round in 0..<Self.rounds {
                try await worker.run { db in
                    _ = try db.execute(
                        """
                        INSERT INTO nightjar.events (name, data)
                        SELECT 'test/post', jsonb_build_object('key', $1 || '-' || n) FROM generate_series(1, $2) n
                        """, ["\(round)", Int32(Self.runsPerRound)])
                }
                let claim = try await worker.claim(limit: Self.runsPerRound)
                try #require(claim.runs.count == Self.runsPerRound)
                let leases = claim.runs.map(\.lease).shuffled(using: &random)
                let targets = claim.runs.map { (run: $0.lease.run, data: $0.event.dataJSON) }.shuffled(using: &random)
                let acknowledged = Mutex<Set<UUID>>([])

                async let cancels: Void = Self.cancel(targets, canceller, byHand: round % 2 == 1) { runs in
                    acknowledged.withLock { $0.formUnion(runs) }
                }
                for start in stride(from: 0, to: leases.count, by: Self.batch) {
                    let batch = leases[start..<start + Self.batch]
                    let before = acknowledged.withLock { $0 }
                    let accepted = try await worker.commit(
                        batch.map { LeasedCommit(lease: $0, tenant: 1, next: .run(.end(.completed(output: "1")))) })
                    #expect(accepted.isDisjoint(with: before))
                    completed.formUnion(accepted)
                }
                try await cancels
                try await canceller.applyPending()
            }

            let ended = try await worker.reporting { db in
                try db.query("SELECT run_id, status FROM nightjar.outcomes").map {
                    (run: try $0.decode(0, as: UUID.self), status: try $0.decode(1, as: Int16.self))
                }
            }
            let total = Self.rounds * Self.runsPerRound
            #expect(ended.count == total)
            #expect(Set(ended.lazy.map(\.run)).count == total)
            #expect(Set(ended.lazy.filter { $0.status == 1 }.map(\.run)) == completed)
            #expect(ended.count { $0.status == 3 } == total - completed.count)
            // Otherwise it was no race.
            #expect(completed.count > total / 100)
            #expect(completed.count < total - total / 100)
            let live = try await worker.value("SELECT count(*) FROM nightjar.live", as: Int64.self)
            #expect(live == 0)
            #expect(try await worker.violations() == [])
        }
    }

    /// Cancels runs in batches, by an event each or by hand, with an application now and then; tells those whose cancel
    /// has been acknowledged.
    private static func cancel(
        _ targets: [(run: UUID, data: String)], _ probe: Probe, byHand: Bool,
        _ acknowledged: @Sendable (_ runs: [UUID]) -> Void
    ) async throws {
        for start in stride(from: 0, to: targets.count, by: batch) {
            let chunk = targets[start..<start + batch]
            try await probe.run { db in
                if byHand {
                    _ = try db.query("SELECT nightjar.cancel(r, 'ada') FROM unnest($1::uuid[]) r", [chunk.map(\.run)])
                } else {
                    _ = try db.execute(
                        "INSERT INTO nightjar.events (name, data) SELECT 'test/cancel', d FROM unnest($1::jsonb[]) d",
                        [chunk.map { PostgresJSON($0.data) }])
                }
            }
            acknowledged(chunk.map(\.run))
            if Bool.random() { try await probe.applyPendingOnce() }
        }
    }
}
