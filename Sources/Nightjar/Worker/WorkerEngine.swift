internal import Foundation
internal import Logging
internal import NightjarCore
internal import PostgresClient
internal import Synchronization

/// The parts of a running worker, and the loop that holds them together: claim, begin, wait for the next reason to.
final class WorkerEngine: Sendable {
    typealias Instant = ContinuousClock.Instant

    private typealias QueuedRun = (run: ClaimedRun, memo: Memo, claimedAt: Instant)

    private struct State {
        var schedule: ClaimSchedule
        var queue: LocalQueue<QueuedRun>
        /// Every lease that this worker knows that it has.
        var leases: Set<Lease> = []
        var isShuttingDown = false
    }

    private let state: Mutex<State>
    /// Rung when the claim loop should look again: hints, free slots, shutdown.
    private let alarm = Alarm()
    private let pendingAlarm = Alarm()
    private let deadAlarm = Alarm()
    private let executions = Executions()

    private let app: String
    private let registration: Registration
    private let pool: PostgresPool
    private let database: PostgresConfiguration
    private let configuration: WorkerConfiguration
    private let session: Session
    private let committer: Committer
    private let hints: HintSender
    private let applier: CancelApplier
    private let reaper: Reaper
    private let metrics: WorkerMetrics
    private let logger: Logger

    init(
        app: String, registration: Registration, pool: PostgresPool, database: PostgresConfiguration,
        configuration: WorkerConfiguration, logger: Logger
    ) {
        self.app = app
        self.registration = registration
        self.pool = pool
        self.database = database
        self.configuration = configuration
        self.logger = logger
        metrics = WorkerMetrics(app: app)
        session = Session(
            database: database,
            name: "\(app) \(ProcessInfo.processInfo.hostName):\(ProcessInfo.processInfo.processIdentifier)",
            timeToLive: configuration.sessionTimeToLive, logger: logger)
        committer = Committer(pool: pool, session: session, metrics: metrics, logger: logger)
        hints = HintSender(pool: pool, logger: logger)
        applier = CancelApplier(pool: pool, executions: executions, hints: hints, metrics: metrics, logger: logger)
        reaper = Reaper(pool: pool, metrics: metrics, logger: logger, deathLimit: configuration.deathLimit)
        state = Mutex(
            State(
                schedule: ClaimSchedule(
                    now: .now, pollInterval: configuration.pollInterval,
                    worthwhile: max(1, configuration.concurrency / 4)),
                queue: LocalQueue(concurrency: configuration.concurrency, capacity: configuration.localQueue)))
    }

    /// Stops claiming; what executes goes on for the grace period.
    func shutDown() {
        state.withLock { $0.isShuttingDown = true }
        alarm.ring()
    }

    /// Works until shut down or cancelled.
    func run() async throws {
        try await session.open(queue: registration.queue)
        await withTaskGroup { background in
            addBackground(to: &background)
            await withDiscardingTaskGroup { group in
                await claimLoop(&group)
                await endExecutions()
            }
            background.cancelAll()
        }
        // Also when this task was cancelled: a session that says goodbye needs not be missed first.
        await Task { await session.close() }.value
    }

    private func addBackground(to group: inout TaskGroup<Void>) {
        group.addTask {
            await self.session.run(
                queue: self.registration.queue, lost: { self.sessionLost() }, opened: { self.hinted() })
        }
        group.addTask { await self.committer.run { await self.recorded($0) } }
        group.addTask { await self.applyLoop() }
        group.addTask { await self.reapLoop() }
        group.addTask { await Housekeeper(pool: self.pool, logger: self.logger).run() }
        if configuration.listens { group.addTask { await self.listen() } }
    }

    // MARK: - Claiming

    private func claimLoop(_ group: inout DiscardingTaskGroup) async {
        while !Task.isCancelled {
            begin(&group)
            let now = ContinuousClock.now
            let action = state.withLock { state -> ClaimSchedule.Action? in
                guard !state.isShuttingDown else { return nil }
                return state.schedule.next(now: now, room: state.queue.room, jitter: .random(in: 0...1))
            }
            do {
                switch action {
                case nil: return
                case .wait(let until): await alarm.wait(until: until)
                case .look: try await look()
                case .claim(let limit, let low): try await claim(limit: limit, low: low, &group)
                }
            } catch {
                if Task.isCancelled { return }
                logger.warning("the database does not answer", metadata: [LogKey.error: "\(error)"])
                await alarm.wait(until: .now + configuration.pollInterval)
            }
        }
    }

    private func claim(limit: Int, low: Int64, _ group: inout DiscardingTaskGroup) async throws {
        guard let id = session.current else {
            await alarm.wait(until: .now + .milliseconds(100))
            return
        }
        let queue = registration.queue
        let functions = Array(registration.functions.keys)
        let (claim, memos) = try await pool.withConnection { db in
            let claim = try Claim.make(
                db, queue: queue, functions: functions, session: id, limit: limit, low: low)
            let resumed = claim.runs.filter { !$0.isFirst }.map(\.lease.run)
            return (claim, resumed.isEmpty ? [:] : try Memo.read(db, of: resumed))
        }
        let now = ContinuousClock.now
        let executing = state.withLock { state in
            state.leases.formUnion(claim.runs.map(\.lease))
            state.leases.formUnion(claim.unreadable.map(\.lease))
            state.schedule.claimed(
                count: claim.count, limit: limit, lowestPass: claim.runs.map(\.pass).min(), now: now)
            state.queue.add(claim.runs.map { ($0, memos[$0.lease.run] ?? Memo(), now) }, now: now)
            return state.queue.executing
        }
        metrics.claimed(claim.runs.count, executing: executing)
        let unreadable = claim.unreadable
        if !unreadable.isEmpty { group.addTask { await self.fail(unreadable) } }
        if claim.blocked > 0 {
            let stayed = try await applier.apply()
            state.withLock { $0.schedule.hinted() }
            // What is pending is being applied by somebody else, or held by an open transaction.
            if stayed || claim.runs.isEmpty { await alarm.wait(until: .now + .milliseconds(10)) }
        }
    }

    /// The poll behind every hint; also the moment to compare what executes with what is leased.
    private func look() async throws {
        let asked = ContinuousClock.now
        let id = session.current
        let queue = registration.queue
        let functions = Array(registration.functions.keys)
        let known = state.withLock { state in
            state.schedule.looking()
            return state.leases
        }
        let sight = try await pool.withConnection { db in
            try Sight.look(db, queue: queue, functions: functions, session: id)
        }
        let stale = state.withLock { state in
            state.schedule.looked(ready: sight.ready, dueIn: sight.dueIn, now: .now)
            return state.queue.tick(giveBackClaimedBefore: asked - .seconds(1))
        }
        if sight.pending { pendingAlarm.ring() }
        if sight.dead { deadAlarm.ring() }
        if id != nil {
            if executions.keep(only: sight.held, asked: asked) > 0 {
                logger.debug("runs had been cancelled without a hint")
            }
            // Claims and looks take turns, so what is held and not known is held by nobody's hand: a claim's answer was
            // lost.
            await handBack(Array(sight.held.subtracting(known)))
        }
        await handBack(stale.map(\.run.lease))
    }

    private func hinted() {
        state.withLock { $0.schedule.hinted() }
        alarm.ring()
    }

    // MARK: - Executing

    private func begin(_ group: inout DiscardingTaskGroup) {
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
            }
        }
    }

    private func execute(_ run: ClaimedRun, _ memo: Memo, claimedAt: Instant) async {
        guard session.current == run.lease.session else { return }
        // The database's clock now, give or take the way of the claim's answer.
        let now = run.now + (ContinuousClock.now - claimedAt).seconds
        if let problem = memo.problem { return await fail([(run.lease, problem)]) }
        guard let function = registration.functions[run.functionID] else {
            logger.warning(
                "a run of a function that this build lacks waits for another worker",
                metadata: [LogKey.run: "\(run.lease.run)", LogKey.function: "\(run.functionID)"])
            _ = await committer.commit(
                LeasedCommit(lease: run.lease, next: .run(.park(until: now + 2, reason: .sleeping))))
            return
        }
        let execution = RunExecution(
            definition: function,
            context: RunContext(
                runID: run.lease.run, function: function.id, event: run.event, memo: memo.steps,
                attempts: memo.attempts,
                now: now, startedAt: run.startedAt),
            recorder: LeaseRecorder(lease: run.lease, tenant: run.tenant, committer: committer), logger: logger,
            makeEventID: { UUIDv7.make() })
        let result = await executions.execute(run.lease) { await execution.run() }
        switch result {
        case .ended, .parked: break
        case .refused:
            logger.debug("a commit was refused: cancelled or leased anew", metadata: [LogKey.run: "\(run.lease.run)"])
        case .abandoned:
            // If the run was cancelled the lease is gone, and this is refused.
            await handBack([run.lease])
        }
    }

    /// Ends runs that nobody could execute.
    private func fail(_ runs: [(lease: Lease, reason: String)]) async {
        for (lease, reason) in runs {
            logger.error(
                "a run cannot be read; it fails", metadata: [LogKey.run: "\(lease.run)", LogKey.error: "\(reason)"])
            let error = RunError(name: "Unreadable", message: reason)
            _ = await committer.commit(LeasedCommit(lease: lease, next: .run(.end(.failed(error)))))
            state.withLock { _ = $0.leases.remove(lease) }
        }
    }

    private func handBack(_ leases: [Lease]) async {
        guard !leases.isEmpty else { return }
        await withDiscardingTaskGroup { group in
            for lease in leases {
                group.addTask { _ = await self.committer.commit(LeasedCommit(lease: lease, next: .handBack)) }
            }
        }
        state.withLock { $0.leases.subtract(leases) }
        await hints.send([.ready])
    }

    /// What follows from commits that are in the database.
    private func recorded(_ commits: [LeasedCommit]) async {
        let wall = Date()
        let now = ContinuousClock.now
        var found: Set<Hint> = []
        state.withLock { state in
            for commit in commits {
                // The worker that recorded a sleep watches it. Clocks may differ; the database has the last word.
                if case .run(.park(let until, _)) = commit.next {
                    state.schedule.expect(dueAt: now + .seconds(max(0, until.timeIntervalSince(wall))))
                }
                if !commit.events.isEmpty { found.formUnion([.ready, .pending]) }
                if case .run(.end(.failed)) = commit.next { found.insert(.ready) }
            }
            if !found.isEmpty { state.schedule.hinted() }
        }
        alarm.ring()
        if found.contains(.pending) { pendingAlarm.ring() }
        if !found.isEmpty { await hints.send(found) }
    }

    // MARK: - Background

    private func applyLoop() async {
        while !Task.isCancelled {
            await pendingAlarm.wait(until: nil)
            if Task.isCancelled { return }
            do {
                if try await applier.apply() {
                    try await Task.sleep(for: .milliseconds(50))
                    pendingAlarm.ring()
                }
            } catch {
                logger.debug("cancels are applied later", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    private func reapLoop() async {
        while !Task.isCancelled {
            await deadAlarm.wait(until: nil)
            if Task.isCancelled { return }
            do {
                if try await reaper.reap() > 0 {
                    hinted()
                    await hints.send([.ready])
                }
            } catch {
                logger.debug("the dead are buried later", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    private func listen() async {
        for await element in PostgresNotifications(database, channels: [Hint.channel], logger: logger) {
            switch element {
            case .listening:
                // What was sent while nobody listened is lost: look once.
                hinted()
                pendingAlarm.ring()
            case .notification(_, let payload, _):
                for hint in Hint.parse(payload) { heard(hint) }
            case .lost(let error):
                logger.info("not listening; polling", metadata: [LogKey.error: "\(error)"])
            }
        }
    }

    private func heard(_ hint: Hint) {
        switch hint {
        case .ready: hinted()
        case .pending: pendingAlarm.ring()
        case .cancelled(let session, let run): executions.cancel(run: run, session: session)
        }
    }

    private func sessionLost() {
        state.withLock { state in state.leases.subtract(state.queue.drain().map(\.run.lease)) }
        if executions.count > 0 {
            logger.error("session lost: what executes is abandoned", metadata: [LogKey.count: "\(executions.count)"])
        }
        executions.cancelAll()
    }

    // MARK: - The end

    /// Hands back what has not begun, lets the rest finish, and at last cancels it.
    private func endExecutions() async {
        let waiting = state.withLock { $0.queue.close() }
        if !Task.isCancelled {
            logger.info("shutting down", metadata: [LogKey.count: "\(executions.count)"])
            await handBack(waiting.map(\.run.lease))
            let deadline = ContinuousClock.now + configuration.gracePeriod
            while state.withLock({ $0.queue.executing }) > 0, ContinuousClock.now < deadline, !Task.isCancelled {
                await alarm.wait(until: deadline)
            }
        }
        executions.close()
        // What reacts to its cancellation hands itself back as it ends. What does not must not keep its run from others:
        // the run goes back while the code still executes here, and nothing that it does from now on is recorded.
        let patience = ContinuousClock.now + .seconds(2)
        while state.withLock({ $0.queue.executing }) > 0, ContinuousClock.now < patience, !Task.isCancelled {
            await alarm.wait(until: patience)
        }
        let stubborn = state.withLock { Array($0.leases) }
        if !stubborn.isEmpty, !Task.isCancelled {
            logger.warning(
                "steps do not react to their cancellation; their runs go to others, the worker waits for its code to end",
                metadata: [LogKey.count: "\(stubborn.count)"])
            await handBack(stubborn)
        }
    }
}

/// Records what one run did, under the lease that it was claimed with.
private struct LeaseRecorder: RunRecorder {
    let lease: Lease
    let tenant: Int32
    let committer: Committer

    func commit(_ commit: RunCommit, of runID: UUID) async -> CommitAnswer {
        await committer.commit(
            LeasedCommit(
                lease: lease, tenant: tenant, steps: commit.steps, attempts: commit.attempts, events: commit.events,
                next: .run(commit.next)))
    }
}

extension Duration {
    fileprivate var seconds: TimeInterval {
        TimeInterval(components.seconds) + TimeInterval(components.attoseconds) * 1e-18
    }
}
