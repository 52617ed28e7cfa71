import Synchronization

/// Hands out the slots of a pool to tasks and lets tasks wait; `PoolState` decides.
final class SlotQueue: Sendable {
    private struct State {
        var decisions: PoolState
        var nextWaiter: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Int, any Error>] = [:]
        var drainWaiters: [CheckedContinuation<Void, Never>] = []
    }

    private let configuration: PostgresPool.Configuration
    private let state: Mutex<State>

    init(_ configuration: PostgresPool.Configuration) {
        self.configuration = configuration
        let decisions = PoolState(size: configuration.size, maximumWaiters: configuration.maximumWaiters)
        state = Mutex(State(decisions: decisions))
    }

    var isClosed: Bool { state.withLock { $0.decisions.isClosed } }

    /// Whether any slot is in use.
    var isBusy: Bool { state.withLock { $0.decisions.leasedCount > 0 } }

    /// How many slots are in use, and how many callers wait for one.
    var load: (inUse: Int, waiting: Int) {
        state.withLock { ($0.decisions.leasedCount, $0.decisions.waiterCount) }
    }

    var waiterCount: Int { state.withLock { $0.decisions.waiterCount } }

    /// - Throws: `PostgresError`, or `CancellationError` when the task is cancelled.
    func acquire(until deadline: ContinuousClock.Instant) async throws -> Int {
        try Task.checkCancellation()
        if let slot = state.withLock({ $0.decisions.acquireFreeSlot() }) { return slot }

        let waiter = state.withLock { state in
            defer { state.nextWaiter += 1 }
            return state.nextWaiter
        }
        async let _: Void = expire(waiter, at: deadline)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { enqueue($0, as: waiter, until: deadline) }
        } onCancel: {
            abandon(waiter, CancellationError())
        }
    }

    func release(_ slot: Int, connected: Bool) {
        var next: CheckedContinuation<Int, any Error>?
        var drained: [CheckedContinuation<Void, Never>] = []
        state.withLock { state in
            switch state.decisions.release(slot, connected: connected) {
            case .handOver(let waiter): next = state.waiters.removeValue(forKey: waiter)
            case .keep: break
            case .drained: swap(&drained, &state.drainWaiters)
            }
        }
        next?.resume(returning: slot)
        for waiter in drained { waiter.resume() }
    }

    /// Refuses new callers and those who wait, and returns when all slots are back.
    func close() async {
        let waiters = state.withLock { state in
            state.decisions.close().compactMap { state.waiters.removeValue(forKey: $0) }
        }
        for waiter in waiters { waiter.resume(throwing: Self.closed) }
        await withCheckedContinuation { continuation in
            let isDrained = state.withLock { state in
                if !state.decisions.isDrained { state.drainWaiters.append(continuation) }
                return state.decisions.isDrained
            }
            if isDrained { continuation.resume() }
        }
    }

    private func enqueue(
        _ continuation: CheckedContinuation<Int, any Error>, as waiter: UInt64, until deadline: ContinuousClock.Instant
    ) {
        let answer: Result<Int, any Error>? = state.withLock { state in
            // Under the lock, because cancellation and the timer may have come before there was anything to abandon.
            if Task.isCancelled { return .failure(CancellationError()) }
            if ContinuousClock.now >= deadline { return .failure(timedOut) }
            switch state.decisions.acquire(waiter) {
            case .lease(let slot): return .success(slot)
            case .refuse(.closed): return .failure(Self.closed)
            case .refuse(.tooManyWaiters): return .failure(tooManyWaiters)
            case .wait:
                state.waiters[waiter] = continuation
                return nil
            }
        }
        if let answer { continuation.resume(with: answer) }
    }

    private func abandon(_ waiter: UInt64, _ error: any Error) {
        let continuation = state.withLock { state in
            state.decisions.abandon(waiter) ? state.waiters.removeValue(forKey: waiter) : nil
        }
        continuation?.resume(throwing: error)
    }

    private func expire(_ waiter: UInt64, at deadline: ContinuousClock.Instant) async {
        // Cancelled as soon as the waiter has its answer.
        guard (try? await Task.sleep(until: deadline)) != nil else { return }
        abandon(waiter, timedOut)
    }

    private static var closed: PostgresError { PostgresError(.poolClosed, "the connection pool is closed") }

    private var timedOut: PostgresError {
        PostgresError(
            .poolExhausted,
            "none of the pool's \(configuration.size) connections came free within \(configuration.waiterTimeout)",
            hint: "raise the pool's size, or look for bodies that hold a connection for long")
    }

    private var tooManyWaiters: PostgresError {
        PostgresError(
            .poolExhausted,
            "all \(configuration.size) connections of the pool are in use and \(configuration.maximumWaiters) callers "
                + "wait already",
            hint: "raise the pool's size or maximumWaiters, or start less work at a time")
    }
}
