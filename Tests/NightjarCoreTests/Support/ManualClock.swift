import NightjarCore
import Synchronization

/// A clock that stands still until a test advances it.
final class ManualClock: Sendable {
    private struct Sleeper {
        var until: Duration
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var elapsed = Duration.zero
        var sleepers: [Int: Sleeper] = [:]
        var nextID = 0
        var watchers: [(Duration, CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var runClock: RunClock {
        RunClock(elapsed: { self.state.withLock { $0.elapsed } }, sleep: { try await self.sleep($0) })
    }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.elapsed += duration
            let due = state.sleepers.filter { $0.value.until <= state.elapsed }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// Waits until somebody sleeps until `elapsed`, precisely.
    func waitForSleeper(until elapsed: Duration) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.values.contains(where: { $0.until.isAbout(elapsed) }) { return true }
                state.watchers.append((elapsed, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    private func sleep(_ duration: Duration) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (result, watchers) = state.withLock {
                    state -> (Result<Void, any Error>?, [CheckedContinuation<Void, Never>]) in
                    if Task.isCancelled { return (.failure(CancellationError()), []) }
                    let until = state.elapsed + duration
                    if duration <= .zero { return (.success(()), []) }
                    state.sleepers[id] = Sleeper(until: until, continuation: continuation)
                    let watchers = state.watchers.filter { $0.0.isAbout(until) }.map(\.1)
                    state.watchers.removeAll { $0.0.isAbout(until) }
                    return (nil, watchers)
                }
                if let result { continuation.resume(with: result) }
                for watcher in watchers { watcher.resume() }
            }
        } onCancel: {
            let sleeper = state.withLock { $0.sleepers.removeValue(forKey: id) }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}

extension Duration {
    fileprivate func isAbout(_ other: Duration) -> Bool {
        self - other < .milliseconds(1) && other - self < .milliseconds(1)
    }
}
