import Foundation
import LocalPostgres
import NightjarTesting
import Synchronization
import Testing

@testable import Nightjar

/// A random history: producers, cancellers, workers, stale leases, backends that are terminated, a server that crashes.
/// Afterwards everything that the invariants promise is checked against what the database and the steps wrote down.
@Suite(.serialized)
struct HistoryTests {
    @Test("20,000 runs through crashes: each ends once, no cancel is lost, nothing recorded is executed again")
    func history() async throws {
        let history = try await History(runs: 20_000)
        try await history.play()

        let checker = HistoryChecker(probe: try await Probe(history.database), journal: history.journal)
        #expect(try await checker.probe.violations() == [])
        #expect(try await checker.eventsWithoutRun() == 0)
        #expect(try await checker.acknowledgedEventsThatAreMissing() == 0)
        #expect(try await checker.endsAfterAcknowledgedCancel() == [])
        #expect(try await checker.stepsAfterAcknowledgedCancel() == [])
        #expect(try await checker.executionsAfterTheirRecord() == [])
        #expect(history.journal.deadlocks == 0)
        #expect(history.journal.staleCommitsAccepted == 0)

        // A history in which nothing happened proves nothing.
        let counts = try await checker.counts()
        print("history:", counts, history.journal.summary)
        #expect(counts.values.reduce(0, +) >= 20_000)
        #expect(counts["completed", default: 0] > 5_000)
        #expect(counts["cancelled", default: 0] > 1_000)
        #expect(history.journal.crashes == 2)
        #expect(history.journal.terminated > 20)
        #expect(history.journal.staleCommitsRefused > 0)
        try await history.end()
    }
}

/// What happened, as those who did it saw it.
final class Journal: Sendable {
    struct Acknowledgement: Sendable {
        var event: UUID
        /// By the database's clock, after the commit was acknowledged.
        var at: Date
    }
    private struct State {
        var executions: [String: [Date]] = [:]
        var acknowledged: [Acknowledgement] = []
        var sent = 0
        var terminated = 0
        var crashes = 0
        var deadlocks = 0
        var staleAccepted = 0
        var staleRefused = 0
    }
    private let state = Mutex(State())

    func executed(_ run: UUID, _ step: String) {
        state.withLock { $0.executions["\(run.uuidString.lowercased()) \(step)", default: []].append(Date()) }
    }
    func acknowledged(_ events: [UUID], at: Date) {
        state.withLock { $0.acknowledged += events.map { Acknowledgement(event: $0, at: at) } }
    }
    func terminated(_ count: Int) { state.withLock { $0.terminated += count } }
    func crashed(deadlocks: Int) {
        state.withLock {
            $0.crashes += 1
            $0.deadlocks += deadlocks
        }
    }
    func ended(deadlocks: Int) { state.withLock { $0.deadlocks += deadlocks } }
    func stale(accepted: Bool) {
        state.withLock { if accepted { $0.staleAccepted += 1 } else { $0.staleRefused += 1 } }
    }
    /// Posts that were certainly stored.
    func stored(_ count: Int) { state.withLock { $0.sent += count } }

    var executions: [String: [Date]] { state.withLock { $0.executions } }
    var acknowledgements: [Acknowledgement] { state.withLock { $0.acknowledged } }
    var progress: Int { state.withLock { $0.sent } }
    var terminated: Int { state.withLock { $0.terminated } }
    var crashes: Int { state.withLock { $0.crashes } }
    var deadlocks: Int { state.withLock { $0.deadlocks } }
    var staleCommitsAccepted: Int { state.withLock { $0.staleAccepted } }
    var staleCommitsRefused: Int { state.withLock { $0.staleRefused } }
    var summary: String {
        state.withLock {
            "acknowledged \($0.acknowledged.count), terminated \($0.terminated), stale refused \($0.staleRefused), deadlocks \($0.deadlocks)"
        }
    }
}
