internal import Foundation
internal import Logging
internal import NightjarCore
internal import PostgresClient
internal import Synchronization

/// Group commit: what many runs want recorded goes to the database as one statement.
///
/// A lane flushes at once when it is idle; what arrives while it flushes is gathered and goes next. There is no timer to
/// tune: the duration of a flush is the window in which the next one gathers. Two lanes overlap their flushes.
final class Committer: Sendable {
    /// What became of the commits, for those who schedule by it.
    typealias Accepted = @Sendable ([LeasedCommit]) async -> Void

    private struct Item {
        var commit: LeasedCommit
        var answer: CheckedContinuation<CommitAnswer, Never>
    }
    private struct State {
        var waiting: [Item] = []
        var isClosed = false
    }

    private let state = Mutex(State())
    private let alarms: [Alarm]
    private let pool: PostgresPool
    private let session: Session
    private let metrics: WorkerMetrics
    private let logger: Logger
    private let batchLimit: Int

    init(
        pool: PostgresPool, session: Session, metrics: WorkerMetrics, logger: Logger, lanes: Int = 2, batchLimit: Int = 256
    ) {
        self.pool = pool
        self.session = session
        self.metrics = metrics
        self.logger = logger
        self.batchLimit = batchLimit
        alarms = (0..<lanes).map { _ in Alarm() }
    }

    /// Records a commit durably and answers whether its lease was good. At most one at a time for a run.
    func commit(_ commit: LeasedCommit) async -> CommitAnswer {
        await withCheckedContinuation { continuation in
            let isOpen = state.withLock { state in
                guard !state.isClosed else { return false }
                state.waiting.append(Item(commit: commit, answer: continuation))
                return true
            }
            guard isOpen else { return continuation.resume(returning: .refused) }
            for alarm in alarms { alarm.ring() }
        }
    }

    /// Commits until the task is cancelled; then refuses what still waits.
    func run(accepted: @escaping Accepted) async {
        await withTaskGroup { group in
            for alarm in alarms {
                group.addTask {
                    while !Task.isCancelled {
                        await alarm.wait(until: nil)
                        while !Task.isCancelled, let batch = self.nextBatch() { await self.flush(batch, accepted) }
                    }
                }
            }
        }
        let rest = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for item in rest { item.answer.resume(returning: .refused) }
    }

    private func nextBatch() -> [Item]? {
        state.withLock { state in
            guard !state.waiting.isEmpty else { return nil }
            let batch = Array(state.waiting.prefix(batchLimit))
            state.waiting.removeFirst(batch.count)
            return batch
        }
    }

    private func flush(_ items: [Item], _ accepted: Accepted) async {
        let good = await record(items.map(\.commit))
        var done: [LeasedCommit] = []
        for item in items {
            let isGood = good.contains(item.commit.lease)
            if isGood { done.append(item.commit) }
            item.answer.resume(returning: isGood ? .accepted : .refused)
        }
        metrics.committed(accepted: done.count, refused: items.count - done.count)
        await accepted(done)
    }

    // MARK: - One batch, whatever happens

    /// Answers the leases whose commits are recorded. Gives up only when the session is lost: then all is refused.
    private func record(_ commits: [LeasedCommit]) async -> Set<Lease> {
        guard let first = commits.first?.lease.session else { return [] }
        guard commits.allSatisfy({ $0.lease.session == first }) else {
            // Sessions meet in one batch only around the loss of one.
            var good: Set<Lease> = []
            for (_, group) in Dictionary(grouping: commits, by: \.lease.session) { good.formUnion(await record(group)) }
            return good
        }
        var attempt = 0
        while session.current == first, !Task.isCancelled {
            attempt += 1
            do {
                let runs = try await pool.withConnection { db in
                    var batch = CommitBatch()
                    for commit in commits { try batch.add(commit) }
                    return try batch.record(db, session: first)
                }
                return Set(commits.map(\.lease).filter { runs.contains($0.run) })
            } catch let error as PostgresError where error.isConnectionLoss {
                logger.warning("connection lost during a commit", metadata: [LogKey.error: "\(error)"])
                let (recorded, open) = await resolve(commits, session: first)
                return open.isEmpty ? recorded : recorded.union(await record(open))
            } catch let error as PostgresError where error.sqlState == .uniqueViolation {
                // A lost connection's backend may finish its statement after we asked what became of it.
                let (recorded, open) = await resolve(commits, session: first)
                return recorded.isEmpty ? await isolate(commits, error) : recorded.union(await record(open))
            } catch let error as PostgresError where error.isRetryable {
                logger.debug("commit is tried again", metadata: [LogKey.error: "\(error)"])
                try? await Task.sleep(for: .milliseconds(min(1_000, 10 << min(attempt, 6))))
            } catch is CancellationError {
                break
            } catch {
                return await isolate(commits, error)
            }
        }
        return []
    }

    /// Something in the batch cannot be recorded: halve it until the culprit is alone. Only that run fails.
    private func isolate(_ commits: [LeasedCommit], _ error: any Error) async -> Set<Lease> {
        guard commits.count == 1, let commit = commits.first else {
            let middle = commits.count / 2
            return await record(Array(commits[..<middle])).union(await record(Array(commits[middle...])))
        }
        logger.error(
            "what a run recorded was refused by the database; the run fails",
            metadata: [LogKey.run: "\(commit.lease.run)", LogKey.error: "\(error)"])
        if case .run(.end(.failed(let failure))) = commit.next, failure.name == Self.recordingFailed { return [] }
        let failure = RunError(
            name: Self.recordingFailed, message: "the database refused what this run recorded: \(error)")
        _ = await record([LeasedCommit(lease: commit.lease, next: .run(.end(.failed(failure))))])
        return []
    }
    private static let recordingFailed = "RecordingFailed"

    /// The connection was lost: asks, until the database answers, which commits had arrived.
    private func resolve(_ commits: [LeasedCommit], session id: UUID) async -> (recorded: Set<Lease>, open: [LeasedCommit]) {
        var delay = Duration.milliseconds(20)
        while session.current == id, !Task.isCancelled {
            do {
                let standings = try await pool.withConnection { db in try CommitStanding.read(db, commits, session: id) }
                var recorded: Set<Lease> = []
                var open: [LeasedCommit] = []
                for commit in commits {
                    switch standings[commit.lease.run] {
                    case .recorded: recorded.insert(commit.lease)
                    case .open: open.append(commit)
                    case .superseded, nil: break
                    }
                }
                return (recorded, open)
            } catch {
                try? await Task.sleep(for: delay)
                delay = min(delay * 2, .seconds(1))
            }
        }
        return ([], [])
    }
}
