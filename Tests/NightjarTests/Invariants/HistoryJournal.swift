import Foundation
import Synchronization

@testable import Nightjar

/// What happened in a history, as those who did it saw it.
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
        var numbers: [String: Int] = [:]
        /// Runs that somebody asked to cancel by hand, and when the request was acknowledged, if it was.
        var asked: [UUID: Date?] = [:]
        var bulks: [String: HistoryBulk] = [:]
        var heldBulks = 0
        var bulksThatWentOn: [String] = []
        var reruns = 0
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
    /// Events that start runs and were certainly stored.
    func stored(_ count: Int) { state.withLock { $0.sent += count } }

    /// A key of its own, counted up.
    func newKey(_ prefix: String) -> String {
        let number = state.withLock { state in
            state.numbers[prefix, default: 0] += 1
            return state.numbers[prefix, default: 0]
        }
        return "\(prefix)\(number)"
    }
    /// One of the keys that were made last.
    func recentKey(_ prefix: String, of count: Int) -> String {
        let last = state.withLock { $0.numbers[prefix, default: 0] }
        return "\(prefix)\(max(1, last - Int.random(in: 0..<count)))"
    }

    /// - Parameter at: when the request was acknowledged; nil as long as it was not.
    func asked(_ run: UUID, at: Date?) {
        state.withLock { state in
            if let at, let known = state.asked[run] ?? nil, known < at { return }
            state.asked[run] = .some(at ?? state.asked[run] ?? nil)
        }
    }
    func asked(_ tag: String, for bulk: HistoryBulk) { state.withLock { $0.bulks[tag] = bulk } }
    func held(_ tag: String, wentOn: Bool) {
        state.withLock { state in
            state.heldBulks += 1
            if wentOn { state.bulksThatWentOn.append(tag) }
        }
    }
    func reran() { state.withLock { $0.reruns += 1 } }
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

    var executions: [String: [Date]] { state.withLock { $0.executions } }
    var acknowledgements: [Acknowledgement] { state.withLock { $0.acknowledged } }
    var progress: Int { state.withLock { $0.sent } }
    var askedByHand: [UUID: Date?] { state.withLock { $0.asked } }
    var bulks: [String: HistoryBulk] { state.withLock { $0.bulks } }
    var heldBulks: Int { state.withLock { $0.heldBulks } }
    var bulksThatWentOn: [String] { state.withLock { $0.bulksThatWentOn } }
    var reruns: Int { state.withLock { $0.reruns } }
    var terminated: Int { state.withLock { $0.terminated } }
    var crashes: Int { state.withLock { $0.crashes } }
    var deadlocks: Int { state.withLock { $0.deadlocks } }
    var staleCommitsAccepted: Int { state.withLock { $0.staleAccepted } }
    var staleCommitsRefused: Int { state.withLock { $0.staleRefused } }
    var summary: String {
        state.withLock {
            """
            acknowledged \($0.acknowledged.count), by hand \($0.asked.count), bulks \($0.bulks.count), reruns \
            \($0.reruns), terminated \($0.terminated), stale refused \($0.staleRefused), deadlocks \($0.deadlocks)
            """
        }
    }
}
