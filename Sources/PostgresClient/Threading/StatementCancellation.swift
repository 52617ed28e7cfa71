import Dispatch
import Foundation
import Synchronization

/// Ends the statements of one call when the task that made the call is cancelled.
///
/// A cancel request names a connection, not a statement, and may arrive late. Two rules keep it from hitting what
/// comes next on the connection: requests are sent only between `begin` and `settle`, and `settle` returns only
/// when none is under way any more.
final class StatementCancellation: Sendable {
    /// How long the server may take to react before the connection is given up.
    static let patience = Duration.seconds(10)

    private struct State {
        var requestedAt: ContinuousClock.Instant?
        var target: CancelHandle?
        var isSettled = false
        var hasThread = false

        /// Whether the caller has to start the thread.
        mutating func claimThread() -> Bool {
            guard requestedAt != nil, target != nil, !isSettled, !hasThread else { return false }
            hasThread = true
            return true
        }
    }

    private let state = Mutex(State())
    private let stop = DispatchSemaphore(value: 0)
    private let threadEnded = DispatchGroup()

    /// Whether the task was cancelled.
    var isRequested: Bool { state.withLock { $0.requestedAt != nil } }

    /// Whether the server has ignored the request for too long, as an unreachable one does.
    var isOverdue: Bool {
        state.withLock { $0.requestedAt.map { ContinuousClock.now - $0 > Self.patience } ?? false }
    }

    /// Called from anywhere, once the task is cancelled; never blocks.
    func request() {
        let mustStart = state.withLock { state in
            if state.requestedAt == nil { state.requestedAt = .now }
            return state.claimThread()
        }
        if mustStart { startThread() }
    }

    /// From now on statements run that `request` has to end.
    func begin(_ target: CancelHandle) {
        let mustStart = state.withLock { state in
            state.target = target
            return state.claimThread()
        }
        if mustStart { startThread() }
    }

    /// Ends the sending of requests and waits for the one that is under way.
    ///
    /// - Parameter waits: False for a connection that is lost, behind which a request may block for long.
    /// - Returns: Whether a request may have been sent, so that its signal may still be on its way to the backend.
    func settle(waits: Bool) -> Bool {
        let hadThread = state.withLock { state in
            state.isSettled = true
            return state.hasThread
        }
        guard hadThread else { return false }
        stop.signal()
        if waits { threadEnded.wait() }
        return true
    }

    /// Sends requests until the call is over: one that arrives between two statements has no effect.
    private func startThread() {
        threadEnded.enter()
        Thread.detachNewThread {
            var pause = DispatchTimeInterval.milliseconds(20)
            while let target = self.state.withLock({ $0.isSettled ? nil : $0.target }) {
                target.send()
                if self.stop.wait(timeout: .now() + pause) == .success { break }
                pause = .milliseconds(250)
            }
            self.threadEnded.leave()
        }
    }
}
