internal import Foundation
internal import Logging
internal import NightjarCore
internal import PostgresClient
internal import Synchronization

/// The parts of a running worker, and the loop that holds them together: claim, begin, wait for the next reason to.
final class WorkerEngine: Sendable {
    typealias Instant = ContinuousClock.Instant

    typealias QueuedRun = (run: ClaimedRun, memo: Memo, claimedAt: Instant)

    struct State {
        var schedule: ClaimSchedule
        var answerDelay = AnswerDelay()
        var fairOrder = FairOrder()
        var queue: LocalQueue<QueuedRun>
        /// Every lease that this worker knows that it has.
        var leases: Set<Lease> = []
        /// When a look asks for leases next that it does not know of.
        var lostLeasesAt = Instant.now
        /// Runs that this worker heard are cancelled while a claim is on its way, which may bring them; nil: none is.
        var cancelledMeanwhile: Set<UUID>?
        var isShuttingDown = false
        /// When the time of some run is up, as far as this worker knows.
        var expiresAt: Instant?
        /// Somebody listens to the ends of runs in general.
        var isHeard = false
        var registration: Registration
        /// When to ask for slots for runs that are bound by limits.
        var slots: SlotSchedule
        /// Nothing is claimed before this moment, and then one run, until it is said how that went.
        var suspendedUntil: Instant?
    }

    let state: Mutex<State>
    /// Rung when the claim loop should look again: hints, free slots, shutdown.
    let alarm = Alarm()
    let pendingAlarm = Alarm()
    let bulkAlarm = Alarm()
    let blockedAlarm = Alarm()
    let deadAlarm = Alarm()
    let expiryAlarm = Alarm()
    let gatherAlarm = Alarm()
    let slotAlarm = Alarm()
    let bindAlarm = Alarm()
    let executions = Executions()
    let pendingReach = PendingReach()

    /// Whether this engine also does what is everybody's: applies what is pending, reaps, expires, gathers, tidies up.
    let doesChores: Bool
    let app: String
    let pool: PostgresPool
    let database: PostgresConfiguration
    let configuration: WorkerConfiguration
    let session: Session
    let committer: Committer
    let hints: HintSender
    let interruptions: InterruptionLog
    let paths: PathRegistry
    let tenants: TenantNames
    let grantTurns: GrantTurns
    let reaper: Reaper
    let metrics: WorkerMetrics
    /// Nil where the pool is another engine's too, which says how it is used.
    let poolMetrics: PoolMetrics?
    let logger: Logger

    init(
        app: String, registration: Registration, pool: PostgresPool, database: PostgresConfiguration,
        heartbeat: PostgresSession? = nil, doesChores: Bool = true, grantTurns: GrantTurns = GrantTurns(),
        configuration: WorkerConfiguration, logger: Logger
    ) {
        self.grantTurns = grantTurns
        self.doesChores = doesChores
        self.app = app
        self.pool = pool
        self.database = database
        self.configuration = configuration
        self.logger = logger
        let metrics = WorkerMetrics(app: app, byTenant: configuration.metricsByTenant)
        self.metrics = metrics
        tenants = TenantNames(span: configuration.tenantNameSpan)
        poolMetrics = doesChores ? PoolMetrics(pool, name: heartbeat == nil ? app : "work") : nil
        session = Session(
            database: database, heartbeat: heartbeat,
            name: "\(app) \(ProcessInfo.processInfo.hostName):\(ProcessInfo.processInfo.processIdentifier)",
            timeToLive: configuration.sessionTimeToLive, logger: logger)
        committer = Committer(pool: pool, session: session, metrics: metrics, logger: logger)
        hints = HintSender(source: pool, logger: logger) { metrics.hintLost() }
        interruptions = InterruptionLog(pool: pool, logger: logger) { metrics.cancelHeard(after: $0) }
        paths = PathRegistry(pool: pool, logger: logger)
        reaper = Reaper(pool: pool, metrics: metrics, logger: logger, deathLimit: configuration.deathLimit)
        state = Mutex(
            State(
                schedule: ClaimSchedule(
                    now: .now, pollInterval: configuration.pollInterval,
                    worthwhile: max(1, configuration.concurrency / 4), isShared: registration.isShared),
                queue: LocalQueue(concurrency: configuration.concurrency, capacity: configuration.localQueue),
                registration: registration, slots: SlotSchedule(isActive: registration.hasLimits)))
    }

    var registration: Registration { state.withLock { $0.registration } }

    /// Takes the functions as they are from now on. The queue stays.
    func update(_ registration: Registration) {
        state.withLock { state in
            state.registration = registration
            if registration.hasLimits { state.slots.isActive = true }
        }
        hinted()
    }

    /// Claims nothing until then, and after that one run at a time, until ``resume()``.
    func suspend(until instant: Instant) {
        state.withLock { $0.suspendedUntil = instant }
        alarm.ring()
    }

    /// Claims as usual.
    func resume() {
        let wasSuspended = state.withLock { state in
            defer { state.suspendedUntil = nil }
            return state.suspendedUntil != nil
        }
        if wasSuspended { alarm.ring() }
    }

    /// Made where it is used, since it calls back.
    var applier: Applier {
        Applier(
            source: pool, hints: hints, logger: logger, executions: executions, metrics: metrics,
            reach: pendingReach,
            cancelled: { self.cancelled(run: $0, session: $1) }, ready: { self.hinted() },
            pending: { self.pendingAlarm.ring() }, ended: { self.released($0) })
    }

    /// Stops claiming; what executes goes on for the grace period.
    func shutDown() {
        state.withLock { state in
            state.isShuttingDown = true
            state.slots.close()
        }
        alarm.ring()
    }

    /// Works until shut down or cancelled.
    func run() async throws {
        try await session.open(queue: registration.queue)
        // What it claims first are the oldest runs, and so are those that are bound first.
        if registration.hasLimits { await bind(until: .now + .seconds(1)) }
        await withTaskGroup { background in
            addBackground(to: &background)
            await withDiscardingTaskGroup { group in
                await claimLoop(&group)
                await endExecutions()
            }
            background.cancelAll()
        }
        await interruptions.flush()
        // Also when this task was cancelled: a session that says goodbye needs not be missed first.
        await Task { await session.close() }.value
    }

    func addBackground(to group: inout TaskGroup<Void>) {
        group.addTask {
            await self.session.run(
                queue: self.registration.queue, lost: { self.sessionLost() }, opened: { self.hinted() })
        }
        group.addTask { await self.committer.run { await self.recorded($0, behind: $1) } }
        group.addTask { await self.unblockLoop() }
        group.addTask { await self.answerLoop() }
        group.addTask { await self.grantLoop() }
        group.addTask { await self.interruptions.run { self.released($0) } }
        if doesChores {
            group.addTask { await self.applyLoop() }
            group.addTask { await self.bulkLoop() }
            group.addTask { await self.reapLoop() }
            group.addTask { await self.expireLoop() }
            group.addTask { await self.gatherLoop() }
            group.addTask { await self.bindLoop() }
            group.addTask { await Housekeeper(pool: self.pool, database: self.database, logger: self.logger).run() }
        }
        if configuration.listens { group.addTask { await self.listen() } }
    }

    /// Hands back what has not begun, lets the rest finish, and at last cancels it.
    func endExecutions() async {
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
