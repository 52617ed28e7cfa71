import Foundation
import NightjarCore
import PostgresClient
import Testing

@testable import Nightjar

/// Something that happens to a run that waits, as one transaction: it executes, then it commits.
enum WaitOperation: String, CaseIterable, Sendable {
    /// The worker records that the step `w` begins to wait, and parks the run, or goes on.
    case parkWait, keepWait
    /// The worker records that user code has cancelled the branch that waited at `w`, and parks the run.
    case withdraw
    /// The event that `w` waits for.
    case event
    /// An event that cancels the run.
    case cancel
    case claim, reap
    /// What was sent before the step `u` began to wait is looked for.
    case lookBack
    /// An event that `u` waits for is applied.
    case apply
    /// The run that the step `c` has invoked ends.
    case childEnd

    /// The worker that has the run records something. There is one such commit at a time, but it may be sent twice.
    var isCommit: Bool { self == .parkWait || self == .keepWait || self == .withdraw }
}

/// Two operations, and in which order their four halves happen.
struct WaitInterleaving: Sendable, CustomTestStringConvertible {
    var first: WaitOperation
    var second: WaitOperation
    var halves: [Interleaving.Half]
    /// Whether `w` also counts events that came before it.
    var looksBack: Bool
    /// A worker applies what there is after each commit; else nobody does before the end.
    var appliesAtOnce: Bool

    var testDescription: String {
        "\(first)/\(second) \(halves.map(\.rawValue).joined(separator: " "))"
            + (looksBack ? ", looks back" : "") + (appliesAtOnce ? ", applied at once" : "")
    }

    /// Every unordered pair of operations, also with itself, in every order.
    static let all: [WaitInterleaving] = WaitOperation.allCases.enumerated().flatMap { index, first in
        WaitOperation.allCases[index...].flatMap { second -> [WaitInterleaving] in
            guard first == second || !(first.isCommit && second.isCommit) else { return [] }
            // How a wait begins while something comes for it: in every variant.
            let isBeginning =
                (first == .parkWait || first == .keepWait) && [.event, .childEnd, .cancel].contains(second)
            let variants = isBeginning ? [(true, true), (true, false), (false, true), (false, false)] : [(true, false)]
            return variants.flatMap { looksBack, appliesAtOnce in
                Interleaving.orders.map {
                    WaitInterleaving(
                        first: first, second: second, halves: $0, looksBack: looksBack, appliesAtOnce: appliesAtOnce)
                }
            }
        }
    }

    func has(_ operation: WaitOperation) -> Bool { first == operation || second == operation }

    /// The wait `w` begins in one of the operations; else it is there from the beginning.
    var beginsWait: Bool { has(.parkWait) || has(.keepWait) }

    func comesBefore(_ half: Interleaving.Half, _ other: Interleaving.Half) -> Bool {
        guard let a = halves.firstIndex(of: half), let b = halves.firstIndex(of: other) else { return false }
        return a < b
    }
}

/// One operation on its own connection.
actor SteppedWaitOperation {
    enum Result: Equatable, Sendable {
        case done
        case sent(seq: Int64)
        case claimed([UUID])
        case accepted(Bool)
        /// A key was violated: the same had been recorded before.
        case repeated
    }

    let operation: WaitOperation
    private let probe: Probe
    private let start: WaitStartState
    private var executing: Task<Result, any Error>?
    private(set) var isDone = false

    init(_ operation: WaitOperation, _ probe: Probe, _ start: WaitStartState) {
        self.operation = operation
        self.probe = probe
        self.start = start
    }

    /// Executes; returns when that is done, or when it waits for a lock that the other one holds.
    func execute(watching watcher: Probe) async throws {
        try await probe.script("BEGIN")
        let pid = try await probe.value("SELECT pg_backend_pid()", as: Int32.self)
        let task = Task { try await self.body() }
        executing = task
        Task {
            _ = await task.result
            self.finished()
        }
        while !isDone {
            let isBlocked = try await watcher.value(
                "SELECT cardinality(pg_blocking_pids($1)) > 0", [pid], as: Bool.self)
            if isBlocked { return }
        }
    }

    func commit() async throws -> Result {
        guard let executing else { throw CancellationError() }
        do {
            let result = try await executing.value
            try await probe.script("COMMIT")
            return result
        } catch let error as PostgresError where error.sqlState == .uniqueViolation {
            try await probe.script("ROLLBACK")
            return .repeated
        }
    }

    private func finished() { isDone = true }

    private func body() async throws -> Result {
        switch operation {
        case .event: return .sent(seq: try await probe.send("test/w", key: start.key))
        case .cancel: return .sent(seq: try await probe.send("test/cancel", key: start.key))
        case .claim: return .claimed(try await probe.claim().runs.map(\.lease.run))
        case .reap: return .done(try await probe.reap())
        case .lookBack: return .done(try await probe.lookBack())
        case .apply: return .done(try await probe.applyPendingOnce())
        case .childEnd:
            guard let child = start.child else { return .accepted(false) }
            return .accepted(try await probe.complete(child))
        case .parkWait, .keepWait, .withdraw:
            guard let commit = start.commits[operation] else { return .accepted(false) }
            return .accepted(try await !probe.record([commit]).isEmpty)
        }
    }
}

extension SteppedWaitOperation.Result {
    static func done(_ answer: some Any) -> Self { .done }
}

/// Where the run stands before the two operations begin, and what they are.
struct WaitStartState: Sendable {
    var key: String
    /// Of the run that waits, and of the one that it has invoked.
    var lease: Lease
    var child: Lease?
    var commits: [WaitOperation: LeasedCommit] = [:]

    /// A run that `holder` has, or that is parked: with an open step `u` that waits for an event; `w`, if it is not one
    /// of the operations that begins that; `c`, that has invoked a run, if the end of that is one of the operations.
    static func make(for interleaving: WaitInterleaving, holder: Probe, parent watcher: Probe) async throws -> Self {
        let key = "k-\(UUID().uuidString)"
        try await watcher.send("test/parent", key: key)
        let lease = try #require(try await holder.claim().runs.first?.lease)
        // Before `u` begins, so that only a look back finds it.
        if interleaving.has(.lookBack) {
            try await watcher.send("test/u", key: key)
            try await watcher.applyPending()
        }
        var start = WaitStartState(key: key, lease: lease)
        let later = Date(timeIntervalSinceNow: 3_600)
        // A claim finds what is due: the run sleeps as well, or retries.
        let wakeUp = interleaving.has(.claim) ? Date(timeIntervalSinceNow: -60) : later
        let w = OpenStep.wait("w", for: "test/w", try .path("data.key"), looksBack: interleaving.looksBack)
        var open = [OpenStep.wait("u", for: "test/u", try .path("data.key"), looksBack: true)]
        if !interleaving.beginsWait { open.append(w) }
        if interleaving.has(.childEnd) { open.append(.invocation("c", of: "child")) }
        let staysLeased = interleaving.has(.reap) || interleaving.first.isCommit || interleaving.second.isCommit
        let accepted = try await holder.record([
            LeasedCommit(
                lease: lease, tenant: 1, openings: open,
                next: .run(staysLeased ? .keep : .park(until: wakeUp, reason: .waiting)))
        ])
        #expect(accepted == [lease.run: .recorded])
        if interleaving.has(.childEnd) {
            let runs = try await watcher.claim().runs.filter { $0.lease.run != lease.run }
            start.child = try #require(runs.first?.lease)
        }
        if !interleaving.has(.lookBack) { try await watcher.lookBack() }
        if interleaving.has(.reap) { try await holder.markDead(lease.session) }
        if interleaving.has(.apply) { try await watcher.send("test/u", key: key) }

        let park = LeasedCommit.Next.run(.park(until: wakeUp, reason: .waiting))
        start.commits[.parkWait] = LeasedCommit(lease: lease, tenant: 1, openings: [w], next: park)
        start.commits[.keepWait] = LeasedCommit(lease: lease, tenant: 1, openings: [w], next: .run(.keep))
        let withdrawn = RecordedStep(
            step: "w", kind: .waitForEvent, status: .failed,
            error: RunError(name: "CancellationError", message: "withdrawn", code: RunError.Code.withdrawn),
            startedAt: Date(), endedAt: Date())
        start.commits[.withdraw] = LeasedCommit(lease: lease, tenant: 1, steps: [withdrawn], next: park)
        return start
    }
}
