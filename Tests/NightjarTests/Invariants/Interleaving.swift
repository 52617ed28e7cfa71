import Foundation
import PostgresClient
import Testing

@testable import Nightjar

/// Something that changes a run, as one transaction: it executes, then it commits.
enum Operation: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case trigger, cancel, claim, stepCommit, outcomeCommit, reap, wake

    var testDescription: String { rawValue }
}

/// Two operations, and in which order their four halves happen.
struct Interleaving: Sendable, CustomTestStringConvertible {
    enum Half: String { case firstExecutes = "A", firstCommits = "A✓", secondExecutes = "B", secondCommits = "B✓" }

    var first: Operation
    var second: Operation
    var halves: [Half]
    /// A worker applies what is pending after each commit; else nobody does before the end.
    var appliesAtOnce: Bool

    var testDescription: String {
        "\(first)/\(second) \(halves.map(\.rawValue).joined(separator: " "))\(appliesAtOnce ? ", applied at once" : "")"
    }

    static let orders: [[Half]] = [
        [.firstExecutes, .firstCommits, .secondExecutes, .secondCommits],
        [.firstExecutes, .secondExecutes, .firstCommits, .secondCommits],
        [.firstExecutes, .secondExecutes, .secondCommits, .firstCommits],
        [.secondExecutes, .firstExecutes, .firstCommits, .secondCommits],
        [.secondExecutes, .firstExecutes, .secondCommits, .firstCommits],
        [.secondExecutes, .secondCommits, .firstExecutes, .firstCommits],
    ]

    /// Every unordered pair of operations, also with itself, in every order.
    static let all: [Interleaving] = Operation.allCases.enumerated().flatMap { index, first in
        Operation.allCases[index...].flatMap { second in
            orders.flatMap { halves in
                [true, false].map { Interleaving(first: first, second: second, halves: halves, appliesAtOnce: $0) }
            }
        }
    }

    func comesBefore(_ half: Half, _ other: Half) -> Bool {
        guard let a = halves.firstIndex(of: half), let b = halves.firstIndex(of: other) else { return false }
        return a < b
    }
}

/// One operation on its own connection.
actor SteppedOperation {
    enum Result: Equatable, Sendable {
        case sent(seq: Int64)
        case claimed([UUID])
        case accepted(Bool)
        case handedBack(Int64)
    }

    let operation: Operation
    nonisolated let probe: Probe
    private let key: String
    private let lease: Lease?
    private var executing: Task<Result, any Error>?
    private(set) var isDone = false

    init(_ operation: Operation, _ probe: Probe, key: String, lease: Lease?) {
        self.operation = operation
        self.probe = probe
        self.key = key
        self.lease = lease
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
        let result = try await executing.value
        try await probe.script("COMMIT")
        return result
    }

    private func finished() { isDone = true }

    private func body() async throws -> Result {
        switch operation {
        case .trigger: return .sent(seq: try await probe.send("test/post", key: key))
        case .cancel: return .sent(seq: try await probe.send("test/cancel", key: key))
        case .claim, .wake: return .claimed(try await probe.claim().runs.map(\.lease.run))
        case .stepCommit:
            guard let lease else { return .accepted(false) }
            return .accepted(try await probe.recordStep("step-\(UUID())", under: lease))
        case .outcomeCommit:
            guard let lease else { return .accepted(false) }
            return .accepted(try await probe.complete(lease))
        case .reap: return .handedBack(try await probe.reap())
        }
    }
}
