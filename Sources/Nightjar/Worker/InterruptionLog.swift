internal import Foundation
internal import Logging
internal import PostgresClient
internal import Synchronization

/// Tells the database what of cancelled runs this worker was executing, and when nothing of them executes any more.
final class InterruptionLog: Sendable {
    private struct Entry {
        var session: UUID
        /// Nil once they are told.
        var steps: [String]?
        var hasEnded = false
    }

    private let waiting = Mutex<[UUID: Entry]>([:])
    private let alarm = Alarm()
    private let pool: PostgresPool
    private let logger: Logger
    private let heard: @Sendable (Double) -> Void

    /// - Parameter heard: Told for how many seconds a run was cancelled before its execution heard of it.
    init(pool: PostgresPool, logger: Logger, heard: @escaping @Sendable (Double) -> Void = { _ in }) {
        self.heard = heard
        self.pool = pool
        self.logger = logger
    }

    /// A cancelled run's execution has heard of it, with these steps' bodies in flight.
    func told(_ lease: Lease, steps: [String]) {
        note(lease) { if $0.steps == nil { $0.steps = steps } }
    }

    /// Nothing of it executes here any more.
    func ended(_ lease: Lease) {
        note(lease) { $0.hasEnded = true }
    }

    private func note(_ lease: Lease, _ change: (inout Entry) -> Void) {
        waiting.withLock { waiting in
            var entry = waiting[lease.run] ?? Entry(session: lease.session)
            if entry.session != lease.session { entry = Entry(session: lease.session) }
            change(&entry)
            waiting[lease.run] = entry
        }
        alarm.ring()
    }

    /// Writes until the task is cancelled.
    /// - Parameter ended: Told of which runs it is written that nothing of them executes any more.
    func run(ended: @Sendable ([UUID]) -> Void = { _ in }) async {
        while !Task.isCancelled {
            await alarm.wait(until: nil)
            while !Task.isCancelled, !(await flush(ended: ended)) { try? await Task.sleep(for: .seconds(1)) }
        }
    }

    /// Writes what there is. Says whether it is written.
    @discardableResult
    func flush(ended: @Sendable ([UUID]) -> Void = { _ in }) async -> Bool {
        let entries = waiting.withLock { waiting in
            defer { waiting = [:] }
            return waiting
        }
        for (session, group) in Dictionary(grouping: entries, by: \.value.session) {
            do {
                let latencies = try await pool.withConnection { db in
                    try db.query(
                        Statement.interrupted.sql,
                        [
                            session, group.map(\.key),
                            try group.map { try $0.value.steps.map { try PostgresJSON(encoding: $0) } },
                            group.map(\.value.hasEnded),
                        ]
                    ).compactMap { try $0.decode(0, as: Double?.self) }
                }
                for latency in latencies { heard(latency) }
                ended(group.lazy.filter(\.value.hasEnded).map(\.key))
            } catch {
                logger.debug("interruptions are told later", metadata: [LogKey.error: "\(error)"])
                waiting.withLock { waiting in
                    for (run, entry) in entries where waiting[run] == nil { waiting[run] = entry }
                    for (run, entry) in entries {
                        if waiting[run]?.session == entry.session, waiting[run]?.steps == nil {
                            waiting[run]?.steps = entry.steps
                        }
                    }
                }
                return false
            }
        }
        return true
    }
}
