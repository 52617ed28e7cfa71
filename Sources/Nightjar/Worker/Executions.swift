internal import Foundation
internal import NightjarCore
internal import Synchronization

/// The runs that this process executes right now, so that a cancel finds their tasks, and an answer their mailboxes.
final class Executions: Sendable {
    private struct Entry {
        var lease: Lease
        var begunAt: ContinuousClock.Instant
        var mailbox: RunMailbox
        /// How many answers its mailbox knows of.
        var mail: Int
        var cancel: @Sendable () -> Void
    }

    private struct State {
        var entries: [UUID: Entry] = [:]
        /// Runs whose answers are to be fetched.
        var answered: Set<Lease> = []
        /// Runs that were cancelled between their claim and their execution.
        var doomed: Set<Lease> = []
        var isClosed = false
    }

    private let state = Mutex(State())
    /// Rung when there are answers to be fetched.
    let answerAlarm = Alarm()

    var count: Int { state.withLock { $0.entries.count } }

    /// Whether code of the run executes under this lease.
    func contains(_ lease: Lease) -> Bool { state.withLock { $0.entries[lease.run]?.lease == lease } }

    /// Executes `body` in a task that the registry can cancel, and waits for it. The caller's cancellation counts too.
    func execute<T: Sendable>(
        _ lease: Lease, mailbox: RunMailbox, mail: Int, _ body: @escaping @Sendable () async -> T
    ) async -> T {
        // Cancelled from its very beginning, where that is known; below, what became known meanwhile.
        let isDoomed = state.withLock { $0.doomed.contains(lease) || $0.isClosed }
        let task = Task {
            if isDoomed { withUnsafeCurrentTask { $0?.cancel() } }
            return await body()
        }
        let isOpen = state.withLock { state in
            state.entries[lease.run] = Entry(
                lease: lease, begunAt: .now, mailbox: mailbox, mail: mail, cancel: { task.cancel() })
            return state.doomed.remove(lease) == nil && !state.isClosed
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

    /// Cancels a run's task, if this process executes the run under that session. Says whether it does.
    @discardableResult
    func cancel(run: UUID, session: UUID) -> Bool {
        let entry = state.withLock { $0.entries[run] }
        guard let entry, entry.lease.session == session else { return false }
        entry.cancel()
        return true
    }

    /// Whether this process executes the run under that session.
    func contains(run: UUID, session: UUID) -> Bool {
        state.withLock { $0.entries[run]?.lease.session == session }
    }

    /// Cancels a run as soon as its execution begins; at once if it has begun since somebody looked.
    func doom(_ lease: Lease) {
        let begun = state.withLock { state -> Entry? in
            if let entry = state.entries[lease.run], entry.lease == lease { return entry }
            state.doomed.insert(lease)
            return nil
        }
        begun?.cancel()
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

    /// Cancels what began before `asked` and is not among the leases that the database then knew; notes those that were
    /// answered more often than their mailboxes know.
    func keep(only held: [Lease: Int], asked: ContinuousClock.Instant) -> Int {
        let (gone, hasMail) = state.withLock { state in
            for entry in state.entries.values where held[entry.lease] ?? 0 > entry.mail {
                state.answered.insert(entry.lease)
            }
            let gone = state.entries.values.filter { $0.begunAt < asked && held[$0.lease] == nil }
            return (gone, !state.answered.isEmpty)
        }
        for entry in gone { entry.cancel() }
        if hasMail { answerAlarm.ring() }
        return gone.count
    }

    // MARK: Answers

    /// A run has been answered, if this process executes it under that session: its answers are to be fetched.
    func answered(run: UUID, session: UUID) {
        let isMine = state.withLock { state in
            guard let lease = state.entries[run]?.lease, lease.session == session else { return false }
            state.answered.insert(lease)
            return true
        }
        if isMine { answerAlarm.ring() }
    }

    /// Takes the runs whose answers are to be fetched.
    func takeAnswered() -> Set<Lease> {
        state.withLock { state in
            defer { state.answered = [] }
            return state.answered
        }
    }

    /// Hands over what was fetched for a run.
    func deliver(_ arrivals: Arrivals, to lease: Lease) {
        let mailbox = state.withLock { state -> RunMailbox? in
            guard state.entries[lease.run]?.lease == lease else { return nil }
            state.entries[lease.run]?.mail = arrivals.mail
            return state.entries[lease.run]?.mailbox
        }
        mailbox?.deliver(arrivals.all, mail: arrivals.mail)
    }
}
