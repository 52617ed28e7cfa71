import NightjarCore
import Synchronization

/// A clock that stands still until a test advances it.
final class ManualClock: Sendable {
    private struct State {
        var elapsed = Duration.zero
        /// Fired by the clock, by the time at which they are due.
        var sleepers: [(until: Duration, signal: Signal)] = []
        /// Fired when somebody sleeps until precisely that time.
        var watchers: [(until: Duration, signal: Signal)] = []
    }

    private let state = Mutex(State())

    var runClock: RunClock {
        RunClock(elapsed: { self.state.withLock { $0.elapsed } }, sleep: { try await self.sleep($0) })
    }

    func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.elapsed += duration
            // Moments are dates, which are exact to a fraction of a microsecond only.
            let elapsed = state.elapsed + .microseconds(1)
            let due = state.sleepers.filter { $0.until <= elapsed }
            state.sleepers.removeAll { $0.until <= elapsed }
            return due
        }
        for sleeper in due { sleeper.signal.fire() }
    }

    /// Moves on without waking anybody, as when whoever sleeps is woken late.
    func advanceSilently(by duration: Duration) {
        state.withLock { $0.elapsed += duration }
    }

    /// Waits until somebody sleeps until `time`.
    func waitForSleeper(until time: Duration) async {
        let signal = Signal()
        state.withLock { state in
            if state.sleepers.contains(where: { $0.until.isAbout(time) }) { return signal.fire() }
            state.watchers.append((time, signal))
        }
        await signal.wait()
    }

    private func sleep(_ duration: Duration) async throws {
        guard duration > .zero else { return }
        let signal = Signal()
        let watchers = state.withLock { state in
            let until = state.elapsed + duration
            state.sleepers.append((until, signal))
            let watchers = state.watchers.filter { $0.until.isAbout(until) }
            state.watchers.removeAll { $0.until.isAbout(until) }
            return watchers
        }
        for watcher in watchers { watcher.signal.fire() }
        await signal.wait()
        state.withLock { state in state.sleepers.removeAll { $0.signal === signal } }
        try Task.checkCancellation()
    }
}

extension Duration {
    /// Within what dates cannot tell apart.
    fileprivate func isAbout(_ other: Duration) -> Bool {
        self - other < .microseconds(10) && other - self < .microseconds(10)
    }
}

extension RunClock {
    /// A clock that moves by a second whenever somebody looks.
    static var ticking: RunClock {
        let ticks = Ticks()
        return RunClock(elapsed: { .seconds(ticks.next()) }, sleep: { _ in })
    }
}

private final class Ticks: Sendable {
    private let count = Atomic(0)

    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
}
