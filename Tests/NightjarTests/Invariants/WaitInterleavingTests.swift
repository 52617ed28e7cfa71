import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

/// Every pair of operations on a run that waits, in every order, stepped by two connections: no answer is lost, none
/// comes twice, and no cancel is lost.
@Suite(.serialized)
struct WaitInterleavingTests {
    private static let world = World()

    @Test(
        "Two operations on a run that waits keep every promise, whatever their order", arguments: WaitInterleaving.all)
    func keepsPromises(_ interleaving: WaitInterleaving) async throws {
        let probes = try await Self.world.probes()
        let start = try await WaitStartState.make(for: interleaving, holder: probes.holder, parent: probes.watcher)
        let first = SteppedWaitOperation(interleaving.first, probes.one, start)
        let second = SteppedWaitOperation(interleaving.second, probes.two, start)

        var results: (first: SteppedWaitOperation.Result?, second: SteppedWaitOperation.Result?)
        var late: [Interleaving.Half] = []
        for half in interleaving.halves {
            switch half {
            case .firstExecutes: try await first.execute(watching: probes.watcher)
            case .secondExecutes: try await second.execute(watching: probes.watcher)
            // Blocked by the other: it can commit only after the other did.
            case .firstCommits where await !first.isDone: late.append(half)
            case .secondCommits where await !second.isDone: late.append(half)
            case .firstCommits: results.first = try await first.commit()
            case .secondCommits: results.second = try await second.commit()
            }
            if interleaving.appliesAtOnce, half == .firstCommits || half == .secondCommits {
                try await probes.watcher.applyPendingOnce()
                try await probes.watcher.lookBack()
            }
        }
        for half in late {
            if half == .firstCommits {
                results.first = try await first.commit()
            } else {
                results.second = try await second.commit()
            }
        }

        let verdict = WaitVerdict(
            interleaving: interleaving, start: start, first: try #require(results.first),
            second: try #require(results.second))
        try await verdict.check(probes.watcher)
        try await Self.cleanUp(probes.watcher)
    }

    /// Leaves no run behind for the next interleaving's claims.
    private static func cleanUp(_ watcher: Probe) async throws {
        try await watcher.run { db in
            _ = try db.execute("UPDATE nightjar.sessions SET dead = false")
            _ = try db.query(
                """
                SELECT nightjar.cancel_runs(array_agg(run_id), array_agg('{"kind": "manual"}'::jsonb), true) FROM nightjar.live
                """)
            _ = try db.execute("DELETE FROM nightjar.pending")
        }
    }

    /// The database and the connections that all interleavings share.
    private actor World {
        typealias Probes = (watcher: Probe, holder: Probe, one: Probe, two: Probe)
        private var made: Probes?

        func probes() async throws -> Probes {
            if let made { return made }
            let database = try await TestDatabase.make()
            let watcher = try await Probe(database)
            let match = try Match.path("data.key")
            try await watcher.register([
                FunctionDefinition(
                    id: "parent", triggers: [Trigger(event: "test/parent")],
                    cancelPolicies: [CancelPolicy(event: "test/cancel", match: match)], body: { _, _ in "null" }),
                FunctionDefinition(id: "child", triggers: [Trigger(event: "test/child")], body: { _, _ in "null" }),
            ])
            let probes = (watcher, try await Probe(database), try await Probe(database), try await Probe(database))
            made = probes
            return probes
        }
    }
}

/// What must be true afterwards.
private struct WaitVerdict {
    var interleaving: WaitInterleaving
    var start: WaitStartState
    var first: SteppedWaitOperation.Result
    var second: SteppedWaitOperation.Result

    private var run: UUID { start.lease.run }
    private var results: [(operation: WaitOperation, result: SteppedWaitOperation.Result)] {
        [(interleaving.first, first), (interleaving.second, second)]
    }

    func check(_ watcher: Probe) async throws {
        let atOnce = try await watcher.violations()
        #expect(atOnce == [])
        try await checkCommits(watcher)
        try await watcher.settle()
        let settled = try await watcher.violations()
        #expect(settled == [])
        checkClaims()
        let status = try await watcher.status(of: run)
        if interleaving.has(.cancel) {
            #expect(status == "cancelled")
            let left = (
                try await watcher.count("waits", where: "run_id = '\(run)'"),
                try await watcher.count("open_steps", where: "run_id = '\(run)'")
            )
            #expect(left == (0, 0))
            try await checkChild(watcher)
        } else {
            try await checkAnswers(watcher, status: status)
        }
    }

    /// Something was accepted once, whoever sent it twice; and whoever asks what became of it learns so.
    private func checkCommits(_ watcher: Probe) async throws {
        for (operation, result) in results {
            guard operation.isCommit, let commit = start.commits[operation] else { continue }
            let standing = try await watcher.run { db in
                try CommitStanding.read(db, [commit], session: commit.lease.session)[commit.lease.run]
            }
            switch result {
            case .accepted(true):
                // Of a lease that is gone nothing is said: whatever the run became, it is somebody else's.
                let isOver = interleaving.has(.cancel) || operation == .keepWait && interleaving.has(.reap)
                #expect(standing == .recorded || isOver, "\(operation) is accepted and \(String(describing: standing))")
            case .accepted(false), .repeated:
                let twin = operation == interleaving.first ? second : first
                let isTwice = interleaving.first == interleaving.second && twin == .accepted(true)
                // Only somebody who holds the row, has cancelled the run or handed it back keeps a commit from it.
                #expect(
                    !isTwice || standing == .recorded, "\(operation) is repeated and \(String(describing: standing))")
            case .done, .sent, .claimed: break
            }
        }
    }

    private func checkClaims() {
        if case .claimed(let one) = first, case .claimed(let other) = second {
            #expect(one.contains(run) != other.contains(run), "leased by both, or by neither")
        }
    }

    /// An event that a step waited for has answered it, and the run knows.
    private func checkAnswers(_ watcher: Probe, status: String) async throws {
        let (open, mail) = try await watcher.run { [run] db in
            (
                Dictionary(
                    uniqueKeysWithValues: try db.query(
                        "SELECT step, arrived IS NOT NULL FROM nightjar.open_steps WHERE run_id = $1", [run]
                    ).map { (try $0.decode(0, as: String.self), try $0.decode(1, as: Bool.self)) }),
                try db.query("SELECT mail FROM nightjar.live WHERE run_id = $1", [run])[0].decode(0, as: Int32.self)
            )
        }
        let answered = Set(open.filter(\.value).keys)
        if interleaving.has(.apply) || interleaving.has(.lookBack) { #expect(answered.contains("u")) }
        if wasAccepted(.childEnd) { #expect(answered.contains("c")) }
        if wasAccepted(.withdraw) { #expect(open["w"] == nil) }
        if interleaving.beginsWait {
            #expect((open["w"] != nil) == (wasAccepted(.parkWait) || wasAccepted(.keepWait)))
        }
        if open["w"] != nil, interleaving.has(.event) {
            // Numbers decide: those from the beginning of the wait on, or from that of the run.
            let counts = try await watcher.value(
                """
                SELECT EXISTS (SELECT FROM nightjar.events e WHERE e.name = 'test/w' AND e.data ->> 'key' = $2 AND e.seq > o.since)
                FROM nightjar.open_steps o WHERE o.run_id = $1 AND o.step = 'w'
                """, [run, start.key], as: Bool.self)
            #expect(answered.contains("w") == counts)
            #expect(counts || !interleaving.looksBack)
        }
        // A withdrawn step may have been answered before.
        let most = answered.count + (wasAccepted(.withdraw) ? 1 : 0)
        #expect(mail >= answered.count && mail <= most, "answered twice")
        if !answered.isEmpty { #expect(["queued", "running"].contains(status), "the run does not know of an answer") }
        let waits = try await watcher.run { [run] db in
            try db.query("SELECT count(*) FROM nightjar.waits WHERE run_id = $1 AND purpose = 2", [run])[0]
                .decode(0, as: Int64.self)
        }
        #expect(waits == open.count - answered.count)
    }

    /// The run that a cancelled one had invoked is over as well.
    private func checkChild(_ watcher: Probe) async throws {
        guard let child = start.child?.run else { return }
        let status = try await watcher.status(of: child)
        #expect(status == (wasAccepted(.childEnd) ? "completed" : "cancelled"))
    }

    private func wasAccepted(_ operation: WaitOperation) -> Bool {
        results.contains { $0.operation == operation && $0.result == .accepted(true) }
    }
}
