import Foundation
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

/// Every pair of operations in every order, stepped by two connections: what the invariants promise holds in each.
@Suite(.serialized)
struct InterleavingTests {
    private static let world = World()

    @Test("Two operations keep every promise, whatever their order", arguments: Interleaving.all)
    func keepsPromises(_ interleaving: Interleaving) async throws {
        let (watcher, one, two) = try await Self.world.probes()
        let key = "k-\(UUID().uuidString)"
        let start = try await Start.make(for: interleaving, key: key, holder: one, watcher: watcher)
        let first = SteppedOperation(interleaving.first, one, key: key, lease: start.lease)
        let second = SteppedOperation(interleaving.second, two, key: key, lease: start.lease)

        var results: (first: SteppedOperation.Result?, second: SteppedOperation.Result?)
        var late: [Interleaving.Half] = []
        for half in interleaving.halves {
            switch half {
            case .firstExecutes: try await first.execute(watching: watcher)
            case .secondExecutes: try await second.execute(watching: watcher)
            // Blocked by the other: it can commit only after the other did.
            case .firstCommits where await !first.isDone: late.append(half)
            case .secondCommits where await !second.isDone: late.append(half)
            case .firstCommits: results.first = try await first.commit()
            case .secondCommits: results.second = try await second.commit()
            }
            if interleaving.appliesAtOnce, half == .firstCommits || half == .secondCommits {
                try await watcher.applyPendingOnce()
            }
        }
        for half in late {
            if half == .firstCommits {
                results.first = try await first.commit()
            } else {
                results.second = try await second.commit()
            }
        }

        let verdict = Verdict(
            interleaving: interleaving, late: late, start: start, first: try #require(results.first),
            second: try #require(results.second))
        try await verdict.check(key: key, watcher: watcher)
        try await start.cleanUp(watcher, one, two)
    }
}

/// The database and the three connections that all interleavings share.
private actor World {
    private var made: (Probe, Probe, Probe)?

    func probes() async throws -> (Probe, Probe, Probe) {
        if let made { return made }
        let database = try await TestDatabase.make()
        try await Probe.registerPost(in: database)
        let probes = (try await Probe(database), try await Probe(database), try await Probe(database))
        made = probes
        return probes
    }
}

/// Where the run stands before the two operations begin: so that both have something to do.
private struct Start {
    enum State { case none, ready, asleep, leased, leasedByTheDead, stale }

    var state: State
    var run: UUID?
    var seq: Int64?
    var lease: Lease?

    static func make(for interleaving: Interleaving, key: String, holder: Probe, watcher: Probe) async throws -> Start {
        let pair = [interleaving.first, interleaving.second]
        let commits = pair.contains(.stepCommit) || pair.contains(.outcomeCommit)
        let state: State =
            if pair.contains(.reap) { .leasedByTheDead } else if pair.contains(.wake) {
                .asleep
            } else if pair.contains(.claim) { commits ? .stale : .ready } else if commits { .leased } else { .none }
        guard state != .none else { return Start(state: state) }

        let seq = try await watcher.send("test/post", key: key)
        try await watcher.applyPending()
        let run = try await watcher.runs(key: key)[0].id
        guard state != .ready else { return Start(state: state, run: run, seq: seq) }
        let lease = try #require(try await holder.claim().runs.first?.lease)
        switch state {
        case .asleep:
            #expect(try await holder.park(lease, until: Date(timeIntervalSinceNow: -60)))
        case .stale:
            #expect(try await !holder.commit([LeasedCommit(lease: lease, next: .handBack)]).isEmpty)
        case .leasedByTheDead: try await holder.markDead(lease.session)
        case .leased, .ready, .none: break
        }
        return Start(state: state, run: run, seq: seq, lease: lease)
    }

    /// Leaves no run behind for the next interleaving's claims.
    func cleanUp(_ watcher: Probe, _ one: Probe, _ two: Probe) async throws {
        try await watcher.run { db in
            _ = try db.execute("UPDATE nightjar.sessions SET dead = false")
            _ = try db.query(
                """
                SELECT nightjar.cancel_runs(array_agg(run_id), array_agg('{"kind": "manual"}'::jsonb), true) FROM nightjar.live
                """)
            _ = try db.execute("DELETE FROM nightjar.pending")
        }
    }
}

/// What must be true afterwards.
private struct Verdict {
    var interleaving: Interleaving
    var late: [Interleaving.Half]
    var start: Start
    var first: SteppedOperation.Result
    var second: SteppedOperation.Result

    func check(key: String, watcher: Probe) async throws {
        #expect(try await watcher.violations() == [])
        try await watcher.applyPending()
        // A claim finds what only the log of match keys knows, and leaves it to be applied.
        let claimable = Set(try await watcher.claim().runs.map(\.lease.run))
        try await watcher.applyPending()
        #expect(try await watcher.violations() == [])

        let runs = try await watcher.runs(key: key)
        let events = try await watcher.run { db in
            try db.query("SELECT seq FROM nightjar.events WHERE data ->> 'key' = $1 ORDER BY seq", [key])
                .map { try $0.decode(0, as: Int64.self) }
        }
        for run in runs {
            let hasLaterEvent = events.contains { $0 > run.seq }
            if run.status == "completed" {
                #expect(outcomeMayStand, "completed although the cancel was committed before")
            } else if hasLaterEvent {
                #expect(run.status == "cancelled", "a later event did not cancel the run")
                #expect(!claimable.contains(run.id), "a cancelled run was leased")
            } else {
                #expect(run.status != "cancelled", "cancelled by an earlier event, or by its own trigger")
            }
        }
        checkClaims()
        checkStrictness()
        try await checkCommits(watcher)
    }

    private func result(_ operation: Interleaving.Half) -> SteppedOperation.Result {
        operation == .firstExecutes ? first : second
    }

    /// The event that cancels, and the operation that it must precede or not.
    private var cancelFirst: Bool? {
        let cancels: Set<Operation> = [.trigger, .cancel]
        if cancels.contains(interleaving.first), !cancels.contains(interleaving.second) { return true }
        if cancels.contains(interleaving.second), !cancels.contains(interleaving.first) { return false }
        return nil
    }

    /// The cancelling event was committed before the other operation began.
    private var cancelWasCommitted: Bool {
        switch cancelFirst {
        case true?: interleaving.comesBefore(.firstCommits, .secondExecutes) && !late.contains(.firstCommits)
        case false?: interleaving.comesBefore(.secondCommits, .firstExecutes) && !late.contains(.secondCommits)
        case nil: false
        }
    }

    private var outcomeMayStand: Bool { !cancelWasCommitted }

    private func checkStrictness() {
        guard let cancelFirst, cancelWasCommitted else { return }
        switch cancelFirst ? second : first {
        case .accepted(let isAccepted): #expect(!isAccepted, "recorded after the cancel was committed")
        case .claimed(let runs):
            #expect(start.run.map { !runs.contains($0) } ?? true, "leased after the cancel was committed")
        case .sent, .handedBack: break
        }
    }

    private func checkClaims() {
        if case .claimed(let one) = first, case .claimed(let other) = second, let run = start.run {
            #expect(one.contains(run) != other.contains(run), "leased by both, or by neither")
        }
    }

    private func checkCommits(_ watcher: Probe) async throws {
        guard start.run != nil else { return }
        let isStale = start.state == .stale || start.state == .asleep
        for (operation, result) in [(interleaving.first, first), (interleaving.second, second)] {
            guard case .accepted(let isAccepted) = result else { continue }
            if isStale { #expect(!isAccepted, "\(operation) accepted under a lease that is gone") }
        }
        if case .accepted(true) = first, case .accepted(true) = second, let run = start.run {
            // Both under one lease: fine for two steps, and for a step and an end; never for two ends.
            #expect(!(interleaving.first == .outcomeCommit && interleaving.second == .outcomeCommit))
            let steps = try await watcher.value(
                "SELECT count(*) FROM nightjar.steps WHERE run_id = $1", [run], as: Int64.self)
            #expect(steps == (interleaving.first == .stepCommit ? 1 : 0) + (interleaving.second == .stepCommit ? 1 : 0))
        }
    }
}
