internal import Foundation
internal import Logging
internal import NightjarCore
internal import PostgresClient
internal import Synchronization

// From a claimed run to what follows from its commits.
extension WorkerEngine {
    func begin(_ group: inout DiscardingTaskGroup) {
        while let first = state.withLock({ $0.queue.begin() }) {
            group.addTask {
                // A slot that is free takes the next run at once, whatever the claim loop is doing.
                var next: QueuedRun? = first
                while let run = next {
                    await self.execute(run.run, run.memo, claimedAt: run.claimedAt)
                    next = self.state.withLock { state in
                        state.leases.remove(run.run.lease)
                        state.queue.finished()
                        return state.queue.begin()
                    }
                }
                self.alarm.ring()
                self.roomMade()
            }
        }
    }

    func execute(_ run: ClaimedRun, _ memo: Memo, claimedAt: Instant) async {
        guard session.current == run.lease.session else { return }
        // The database's clock now, give or take the way of the claim's answer.
        let now = run.now + (ContinuousClock.now - claimedAt).seconds
        if let problem = memo.problem { return await fail([(run.lease, problem)]) }
        guard let function = registration.functions[run.functionID] else {
            logger.warning(
                "a run of a function that this build lacks waits for another worker",
                metadata: [LogKey.run: "\(run.lease.run)", LogKey.function: "\(run.functionID)"])
            await leave(
                LeasedCommit(
                    lease: run.lease, next: .run(.park(until: now + 2, reason: .sleeping)),
                    isLimited: run.isLimited))
            return
        }
        let mailbox = RunMailbox()
        let assignment = RunAssignment(
            functionID: run.functionID,
            context: RunContext(
                runID: run.lease.run, tenant: registration.tenant, function: function.id, event: run.event,
                events: run.isBatched ? run.events : nil, memo: memo.steps,
                attempts: memo.attempts, open: memo.open, arrivals: memo.arrivals, mail: run.mail,
                remoteState: run.remoteState, now: now, startedAt: run.startedAt),
            recorder: LeaseRecorder(
                lease: run.lease, tenant: run.tenant, isHeard: run.isInvoked || function.isHandled,
                isLimited: run.isLimited,
                committer: committer, paths: paths),
            mailbox: mailbox,
            lease: RunLease(
                run: run.lease.run, session: run.lease.session, epoch: run.lease.epoch, tenant: run.tenant),
            logger: logger,
            interrupted: { [interruptions] steps in interruptions.told(run.lease, steps: steps) },
            executing: { [metrics] change in metrics.stepsExecuting(change) },
            recorded: { [pool] in
                try await pool.withConnection { db in
                    try Memo.read(db, of: [run.lease.run])[run.lease.run]?.steps ?? []
                }
            })
        metrics.runsExecuting(1)
        let result = await executions.execute(run.lease, mailbox: mailbox, mail: run.mail) {
            await function.execute(assignment)
        }
        metrics.runsExecuting(-1)
        switch result {
        case .ended(let outcome):
            var isFailure = false
            if case .failed = outcome { isFailure = true }
            metrics.ended(function: function.id, tenant: run.tenant, isFailure: isFailure)
        case .parked: break
        case .refused:
            logger.debug("a commit was refused: cancelled or leased anew", metadata: [LogKey.run: "\(run.lease.run)"])
            interruptions.ended(run.lease)
            // As a rule the lease is gone, and this is refused too. It is good where the run gave up waiting too early.
            await handBack([run.lease])
        case .abandoned:
            interruptions.ended(run.lease)
            // If the run was cancelled the lease is gone, and this is refused.
            await handBack([run.lease])
        }
    }

    /// Ends runs that nobody could execute.
    func fail(_ runs: [(lease: Lease, reason: String)]) async {
        for (lease, reason) in runs {
            logger.error(
                "a run cannot be read; it fails", metadata: [LogKey.run: "\(lease.run)", LogKey.error: "\(reason)"])
            let error = RunError(name: "Unreadable", message: reason)
            await leave(LeasedCommit(lease: lease, next: .run(.end(.failed(error)))))
            state.withLock { _ = $0.leases.remove(lease) }
        }
    }

    func handBack(_ leases: [Lease]) async {
        guard !leases.isEmpty else { return }
        await withDiscardingTaskGroup { group in
            for lease in leases {
                group.addTask { await self.leave(LeasedCommit(lease: lease, next: .handBack)) }
            }
        }
        state.withLock { state in
            state.leases.subtract(leases)
            // Some may be refused, since somebody has their rows locked: the next look finds them.
            state.lostLeasesAt = .now
        }
        await hints.send([.ready])
    }

    /// Commits for a run that does not execute here, or no longer should.
    private func leave(_ commit: LeasedCommit) async {
        let answer = await committer.commit(commit)
        // It was cancelled meanwhile, and nobody else can say that it does not execute.
        if answer == .refused, !executions.contains(commit.lease) { interruptions.ended(commit.lease) }
    }

    /// What follows from commits that are in the database.
    func recorded(_ commits: [LeasedCommit], behind: Set<UUID>) async {
        let wall = Date()
        let now = ContinuousClock.now
        var found: Set<Hint> = []
        state.withLock { state in
            for commit in commits {
                // The worker that recorded a sleep watches it. Clocks may differ; the database has the last word.
                if case .run(.park(let until, _)) = commit.next {
                    let due = now + .seconds(max(0, until.timeIntervalSince(wall)))
                    if commit.isLimited { state.slots.expect(dueAt: due) } else { state.schedule.expect(dueAt: due) }
                }
                if !commit.events.isEmpty { found.formUnion([.ready, .pending]) }
                if !commit.openings.isEmpty { found.formUnion([.ready, .pending]) }
                if case .run(.end) = commit.next, commit.isHeard || state.isHeard {
                    found.formUnion([.ready, .pending])
                }
            }
            if !behind.isEmpty { found.insert(.ready) }
            if !found.isEmpty { state.schedule.hinted() }
        }
        alarm.ring()
        // Its slots are free.
        let released = commits.lazy.filter { $0.isLimited && $0.next.givesSlotsBack }.map(\.lease.run)
        if !released.isEmpty { self.released(Array(released)) }
        if found.contains(.pending) { pendingAlarm.ring() }
        if !found.isEmpty { await hints.send(found) }
    }
}

/// Records what one run did, under the lease that it was claimed with.
private struct LeaseRecorder: RunRecorder {
    let lease: Lease
    let tenant: Int32
    let isHeard: Bool
    let isLimited: Bool
    let committer: Committer
    let paths: PathRegistry

    func commit(_ commit: RunCommit, of runID: UUID) async -> CommitAnswer {
        if !commit.openings.isEmpty { await paths.register(commit.openings, of: tenant) }
        return await committer.commit(
            LeasedCommit(
                lease: lease, tenant: tenant, steps: commit.steps, attempts: commit.attempts, events: commit.events,
                openings: commit.openings, mail: commit.mail, remoteState: commit.remoteState, next: .run(commit.next),
                isHeard: isHeard, isLimited: isLimited))
    }
}

extension Duration {
    fileprivate var seconds: TimeInterval {
        TimeInterval(components.seconds) + TimeInterval(components.attoseconds) * 1e-18
    }
}
