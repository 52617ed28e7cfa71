import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

/// A wait that times out may not pass over an event that was there in time, however late that is applied.
struct WaitTimeoutTests {
    @Test("A run whose time to wait is up is not leased while an event that came in time is not applied")
    func claimWaitsForPending() async throws {
        try await Self.withWaitingRun(next: .run(.park(until: .distantFuture, reason: .waiting))) { probe, lease in
            try await probe.lookBack()
            try await probe.send("test/answer", key: "a")
            try await probe.timeUp(lease.run)

            let blocked = try await probe.claim()
            #expect(blocked.runs.isEmpty)
            #expect(blocked.blocked == 1)
            try await probe.applyPending()
            let claim = try await probe.claim()
            #expect(claim.runs.map(\.lease.run) == [lease.run])
            try await Self.checkArrival(probe, lease.run)
        }
    }

    @Test("A run whose time to wait is up is not leased before somebody has looked what came before the wait")
    func claimWaitsForLook() async throws {
        try await Self.withWaitingRun(
            before: { try await $0.send("test/answer", key: "a") }, looksBack: true,
            next: .run(.park(until: .distantFuture, reason: .waiting))
        ) { probe, lease in
            try await probe.timeUp(lease.run)
            let blocked = try await probe.claim()
            #expect(blocked.runs.isEmpty)
            #expect(blocked.blocked == 1)
            try await probe.lookBack()
            let claim = try await probe.claim()
            #expect(claim.runs.map(\.lease.run) == [lease.run])
            try await Self.checkArrival(probe, lease.run)
        }
    }

    @Test(
        "A commit that gives up waiting is not recorded when an event came in time, applied or not",
        arguments: [true, false])
    func commitIsOutdated(isApplied: Bool) async throws {
        try await Self.withWaitingRun(next: .run(.keep)) { probe, lease in
            try await probe.lookBack()
            try await probe.send("test/answer", key: "a")
            try await probe.timeUp(lease.run)
            if isApplied { try await probe.applyPending() }

            let nothing = RecordedStep(
                step: "w", kind: .waitForEvent, output: "null", startedAt: Date(), endedAt: Date())
            let accepted = try await probe.commit([
                LeasedCommit(lease: lease, tenant: 1, steps: [nothing], next: .run(.keep))
            ])
            #expect(accepted.isEmpty)
            try await probe.applyPending()
            let handedBack = try await probe.commit([LeasedCommit(lease: lease, next: .handBack)])
            #expect(handedBack == [lease.run])
            let claim = try await probe.claim()
            #expect(claim.runs.map(\.lease.run) == [lease.run])
            try await Self.checkArrival(probe, lease.run)
        }
    }

    @Test("A commit that gives up waiting is recorded when what came is too late, or another's")
    func commitIsRecorded() async throws {
        try await Self.withWaitingRun(next: .run(.keep)) { probe, lease in
            try await probe.lookBack()
            try await probe.send("test/answer", key: "b")
            try await probe.timeUp(lease.run)
            try await probe.send("test/answer", key: "a")
            let nothing = RecordedStep(
                step: "w", kind: .waitForEvent, output: "null", startedAt: Date(), endedAt: Date())
            let accepted = try await probe.commit([
                LeasedCommit(lease: lease, tenant: 1, steps: [nothing], next: .run(.keep))
            ])
            #expect(accepted == [lease.run])
            let waits = try await probe.value("SELECT count(*) FROM nightjar.waits WHERE purpose = 2", as: Int64.self)
            #expect(waits == 0)
        }
    }

    // MARK: -

    /// A run of `post` with the key `a` that waits in step `w` for `test/answer` with the same key, timing out in an hour.
    private static func withWaitingRun(
        before: @Sendable (Probe) async throws -> Void = { _ in }, looksBack: Bool = false, next: LeasedCommit.Next,
        _ body: @Sendable (Probe, Lease) async throws -> Void
    ) async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "a")
            let lease = try #require(try await probe.claim().runs.first?.lease)
            try await before(probe)
            let branch = MatchBranch(triggerPath: ["data", "key"], eventPath: ["data", "key"])
            let open = OpenStep(
                step: "w", kind: .waitForEvent,
                wait: EventWait(event: "test/answer", branches: [branch], looksBack: looksBack),
                dueAt: Date().addingTimeInterval(3_600), startedAt: Date())
            try await probe.run { db in
                _ = try db.query(Statement.registerPaths.sql, ["test/answer", PostgresJSON(#"[["data", "key"]]"#)])
            }
            let accepted = try await probe.commit([LeasedCommit(lease: lease, tenant: 1, openings: [open], next: next)])
            #expect(accepted == [lease.run])
            try await body(probe, lease)
            let violations = try await probe.violations()
            #expect(violations == [])
        }
    }

    private static func checkArrival(_ probe: Probe, _ run: UUID) async throws {
        let memo = try await probe.run { db in try Memo.read(db, of: [run]) }
        #expect(memo[run]?.arrivals.map(\.step) == ["w"])
        #expect(memo[run]?.arrivals.first?.output?.contains("test/answer") == true)
    }
}

extension Probe {
    /// The run's wait times out this moment.
    fileprivate func timeUp(_ run: UUID) async throws {
        try await self.run { db in
            _ = try db.execute("UPDATE nightjar.open_steps SET due_at = clock_timestamp() WHERE run_id = $1", [run])
            _ = try db.execute(
                "UPDATE nightjar.live SET due_at = clock_timestamp() WHERE run_id = $1 AND due_at IS NOT NULL", [run])
        }
    }
}
