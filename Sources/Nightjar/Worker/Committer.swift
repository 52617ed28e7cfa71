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
    ///
    /// - Parameter behind: those among them whose runs wanted to wait and are ready instead.
    typealias Accepted = @Sendable (_ commits: [LeasedCommit], _ behind: Set<UUID>) async -> Void

    private struct Item {
        var commit: LeasedCommit
        var answer: CheckedContinuation<CommitAnswer, Never>
        /// Its row was locked by somebody: not before then.
        var notBefore: ContinuousClock.Instant?
        var delays = 0
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
        pool: PostgresPool, session: Session, metrics: WorkerMetrics, logger: Logger, lanes: Int = 2,
        batchLimit: Int = 256
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
                state.waiting.append(Item(commit: commit, answer: continuation, notBefore: nil))
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
                    var next: ContinuousClock.Instant?
                    while !Task.isCancelled {
                        await alarm.wait(until: next)
                        while !Task.isCancelled {
                            let (batch, later) = self.nextBatch()
                            next = later
                            if batch.isEmpty { break }
                            await self.flush(batch, accepted)
                        }
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

    /// What may go now; and, if nothing may, when something will.
    private func nextBatch() -> (batch: [Item], later: ContinuousClock.Instant?) {
        let now = ContinuousClock.now
        return state.withLock { state in
            var batch: [Item] = []
            var rest: [Item] = []
            var bytes = 0
            for item in state.waiting {
                let isTime = item.notBefore.map { $0 <= now } ?? true
                if isTime, batch.count < batchLimit, bytes < Self.byteLimit {
                    batch.append(item)
                    bytes += item.commit.bytes
                } else {
                    rest.append(item)
                }
            }
            state.waiting = rest
            return (batch, rest.compactMap(\.notBefore).min())
        }
    }

    private func flush(_ items: [Item], _ accepted: Accepted) async {
        let begun = ContinuousClock.now
        let verdict = await record(items.map(\.commit))
        var done: [LeasedCommit] = []
        for var item in items {
            if verdict.recorded.contains(item.commit.lease) {
                done.append(item.commit)
                item.answer.resume(returning: .accepted)
            } else if verdict.locked.contains(item.commit.lease) {
                item.delays += 1
                item.notBefore = .now + .milliseconds(min(250, 2 << min(item.delays, 7)))
                let isOpen = state.withLock { state in
                    if !state.isClosed { state.waiting.append(item) }
                    return !state.isClosed
                }
                if !isOpen { item.answer.resume(returning: .refused) }
            } else {
                metrics.refused(verdict.refusals[item.commit.lease] ?? whyNot(item.commit.lease))
                item.answer.resume(returning: .refused)
            }
        }
        metrics.committed(done, took: .now - begun)
        await accepted(done, verdict.behind)
    }

    /// Why a commit was refused of which the database said nothing.
    private func whyNot(_ lease: Lease) -> CommitRefusal {
        if Task.isCancelled { return .stopping }
        return session.current == lease.session ? .superseded : .session
    }

    /// A statement's parameters have to fit into the server's memory, and a gigabyte; one output may be of megabytes.
    private static let byteLimit = 8 << 20

    // MARK: - One batch, whatever happens

    /// What became of a batch; what is in neither set was refused.
    private struct Verdict {
        var recorded: Set<Lease> = []
        /// The lease is good, and somebody holds the row's lock: to be tried again.
        var locked: Set<Lease> = []
        /// Recorded runs that wanted to wait and are ready instead.
        var behind: Set<UUID> = []
        /// Why others were refused, where that is known.
        var refusals: [Lease: CommitRefusal] = [:]

        func union(_ other: Verdict) -> Verdict {
            Verdict(
                recorded: recorded.union(other.recorded), locked: locked.union(other.locked),
                behind: behind.union(other.behind),
                refusals: refusals.merging(other.refusals) { first, _ in first })
        }
    }

    /// Records a batch. Gives up only when the session is lost: then all is refused.
    /// - Parameter losses: how often in a row the connection broke while this batch was on its way.
    private func record(_ commits: [LeasedCommit], losses: Int = 0) async -> Verdict {
        guard let first = commits.first?.lease.session else { return Verdict() }
        guard commits.allSatisfy({ $0.lease.session == first }) else {
            // Sessions meet in one batch only around the loss of one.
            var verdict = Verdict()
            for (_, group) in Dictionary(grouping: commits, by: \.lease.session) {
                verdict = verdict.union(await record(group))
            }
            return verdict
        }
        var attempt = 0
        while session.current == first, !Task.isCancelled {
            attempt += 1
            do {
                return try await pool.withConnection { db in
                    var batch = CommitBatch()
                    for commit in commits { try batch.add(commit) }
                    let runs = try batch.record(db, session: first)
                    let recorded = Set(
                        commits.map(\.lease).filter { lease in runs[lease.run].map { $0 != .outdated } ?? false })
                    let behind = Set(runs.lazy.filter { $0.value == .ready }.map(\.key))
                    var refusals: [Lease: CommitRefusal] = [:]
                    for commit in commits where runs[commit.lease.run] == .outdated {
                        refusals[commit.lease] = .outdated
                    }
                    let others = commits.filter { runs[$0.lease.run] == nil }
                    guard !others.isEmpty else {
                        return Verdict(recorded: recorded, behind: behind, refusals: refusals)
                    }
                    let standings = try CommitStanding.read(db, others, session: first)
                    let locked = others.map(\.lease).filter { standings[$0.run] == .open }
                    let gone = others.map(\.lease).filter { standings[$0.run] != .open }
                    refusals.merge(try CommitRefusal.read(db, of: gone)) { first, _ in first }
                    return Verdict(recorded: recorded, locked: Set(locked), behind: behind, refusals: refusals)
                }
            } catch let error as PostgresError where error.isConnectionLoss || error.sqlState == .uniqueViolation {
                // Also a violated key: a lost connection's backend may finish after we asked what became of it.
                metrics.commitRetried()
                logger.warning("a commit's answer was lost", metadata: [LogKey.error: "\(error)"])
                let (recorded, open) = await resolve(commits, session: first)
                // Lost again and again although the server answers between: it is this batch that breaks it.
                if error.sqlState == .uniqueViolation && recorded.isEmpty || losses >= 3 && !open.isEmpty {
                    return Verdict(recorded: recorded).union(await isolate(open.isEmpty ? commits : open, error))
                }
                return Verdict(recorded: recorded).union(await record(open, losses: losses + 1))
            } catch is CancellationError {
                break
            } catch let error where Self.isAboutData(error) {
                return await isolate(commits, error)
            } catch {
                // The database will be able again: disk full, out of memory, a timeout, a deadlock. One run that makes
                // it so must not hold up the others.
                metrics.commitRetried()
                if attempt >= 3, commits.count > 1 { return await halve(commits) }
                logger.warning("a commit is tried again", metadata: [LogKey.error: "\(error)"])
                try? await Task.sleep(for: .milliseconds(min(1_000, 10 << min(attempt, 6))))
            }
        }
        return Verdict()
    }

    /// Trying again cannot help: the data itself is what the database refuses, or cannot be sent. Everything about the
    /// database's own condition is not: connections (08), read-only (25), roles and names (28, 3D, 3F, 42), conflicts (40),
    /// resources (53), locks (55), operators (57), its machine (58, F0, XX). No run fails for ever by those.
    private static func isAboutData(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError else { return error is EncodingError }
        guard let state = error.sqlState else { return error.code == .encoding }
        let conditions: Set<Substring> = ["08", "25", "28", "3D", "3F", "40", "42", "53", "55", "57", "58", "F0", "XX"]
        return !conditions.contains(state.rawValue.prefix(2))
    }

    /// Something in the batch cannot be recorded: halve it until the culprit is alone. Only that run fails.
    private func isolate(_ commits: [LeasedCommit], _ error: any Error) async -> Verdict {
        guard commits.count == 1, let commit = commits.first else { return await halve(commits) }
        logger.error(
            "what a run recorded was refused by the database; the run fails",
            metadata: [LogKey.run: "\(commit.lease.run)", LogKey.error: "\(error)"])
        if case .run(.end(.failed(let failure))) = commit.next, failure.name == Self.recordingFailed {
            return Verdict(refusals: [commit.lease: .invalid])
        }
        let failure = RunError(
            name: Self.recordingFailed, message: "the database refused what this run recorded: \(error)")
        _ = await record([LeasedCommit(lease: commit.lease, next: .run(.end(.failed(failure))))])
        return Verdict(refusals: [commit.lease: .invalid])
    }
    private static let recordingFailed = "RecordingFailed"

    private func halve(_ commits: [LeasedCommit]) async -> Verdict {
        let middle = commits.count / 2
        return await record(Array(commits[..<middle])).union(await record(Array(commits[middle...])))
    }

    /// The connection was lost: asks, until the database answers, which commits had arrived.
    private func resolve(_ commits: [LeasedCommit], session id: UUID) async -> (
        recorded: Set<Lease>, open: [LeasedCommit]
    ) {
        var delay = Duration.milliseconds(20)
        while session.current == id, !Task.isCancelled {
            do {
                let standings = try await pool.withConnection { db in try CommitStanding.read(db, commits, session: id)
                }
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
