import Synchronization

/// Something that happens once, and can be waited for.
package final class Signal: Sendable {
    private struct State {
        var isSet = false
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    package init() {}

    package var isSet: Bool { state.withLock { $0.isSet } }

    package func set() {
        let waiters = state.withLock { state in
            state.isSet = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits; throws when it has not happened within the time.
    package func wait(within time: Duration = .seconds(30)) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.untilSet() }
            group.addTask {
                try await Task.sleep(for: time)
                self.set()
                throw NeverHappened()
            }
            try await group.next()
            group.cancelAll()
        }
    }

    /// Suspends until the task is cancelled, then sets the signal: a body that tells when it is told to stop.
    package func untilCancelled() async {
        let stop = Signal()
        await withTaskCancellationHandler {
            await stop.untilSet()
        } onCancel: {
            stop.set()
        }
        set()
    }

    private func untilSet() async {
        await withCheckedContinuation { continuation in
            let isSet = state.withLock { state in
                if !state.isSet { state.waiters.append(continuation) }
                return state.isSet
            }
            if isSet { continuation.resume() }
        }
    }

    package struct NeverHappened: Error {}
}
