internal import Foundation
internal import Synchronization

/// The runs that this process executes right now, so that a cancel finds their tasks.
final class Executions: Sendable {
    private struct Entry {
        var lease: Lease
        var begunAt: ContinuousClock.Instant
        var cancel: @Sendable () -> Void
    }

    private struct State {
        var entries: [UUID: Entry] = [:]
        var isClosed = false
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.entries.count } }

    /// Executes `body` in a task that the registry can cancel, and waits for it. The caller's cancellation counts too.
    func execute<T: Sendable>(_ lease: Lease, _ body: @escaping @Sendable () async -> T) async -> T {
        let task = Task { await body() }
        let isOpen = state.withLock { state in
            state.entries[lease.run] = Entry(lease: lease, begunAt: .now, cancel: { task.cancel() })
            return !state.isClosed
        }
        if !isOpen { task.cancel() }
        defer {
            state.withLock { state in
                // A session that was lost meanwhile may have leased the run again.
                if state.entries[lease.run]?.lease == lease { state.entries[lease.run] = nil }
            }
        }
        return await withTaskCancellationHandler {
            await task.value
        } onCancel: {
            task.cancel()
        }
    }

    /// Cancels a run's task, if this process executes the run under that session.
    func cancel(run: UUID, session: UUID) {
        let entry = state.withLock { $0.entries[run] }
        if let entry, entry.lease.session == session { entry.cancel() }
    }

    /// Cancels every task.
    func cancelAll() {
        for entry in state.withLock({ Array($0.entries.values) }) { entry.cancel() }
    }

    /// Cancels every task, and each that begins from now on.
    func close() {
        state.withLock { $0.isClosed = true }
        cancelAll()
    }

    /// Cancels what began before `asked` and is not among the leases that the database then knew.
    func keep(only held: Set<Lease>, asked: ContinuousClock.Instant) -> Int {
        let gone = state.withLock { $0.entries.values.filter { $0.begunAt < asked && !held.contains($0.lease) } }
        for entry in gone { entry.cancel() }
        return gone.count
    }
}
