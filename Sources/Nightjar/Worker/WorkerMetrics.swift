internal import Foundation
internal import Metrics

/// What a worker counts. docs/metrics.md says what each means.
struct WorkerMetrics: Sendable {
    private let claims: Counter
    private let claimDuration: Timer
    private let startWait: Timer
    private let claimed: TenantCounters
    private let commitDuration: Timer
    private let accepted: Counter
    private let refused: [CommitRefusal: Counter]
    private let retried: Counter
    private let stepsRecorded: Counter
    private let stepsRetried: Counter
    private let ended: OutcomeCounters
    private let runsExecuting: Meter
    private let stepsExecuting: Meter
    private let queued: Gauge
    private let slots: Gauge
    private let reaped: Counter
    private let cancelled: Counter
    private let cancelLatency: Timer
    private let sessionsLost: Counter
    private let hintsLost: Counter
    private let failures: Counter

    init(app: String, byTenant: Bool = true) {
        let dimensions = [("app", app)]
        func counter(_ label: String) -> Counter { Counter(label: label, dimensions: dimensions) }
        func timer(_ label: String) -> Timer { Timer(label: label, dimensions: dimensions) }
        claims = counter("nightjar.claims")
        claimDuration = timer("nightjar.claim.duration")
        startWait = timer("nightjar.start.wait")
        claimed = TenantCounters("nightjar.runs.claimed", dimensions: dimensions, byTenant: byTenant)
        commitDuration = timer("nightjar.commit.duration")
        accepted = counter("nightjar.commits.accepted")
        refused = Dictionary(
            uniqueKeysWithValues: CommitRefusal.allCases.map {
                ($0, Counter(label: "nightjar.commits.refused", dimensions: dimensions + [("reason", $0.rawValue)]))
            })
        retried = counter("nightjar.commits.retried")
        stepsRecorded = counter("nightjar.steps.recorded")
        stepsRetried = counter("nightjar.steps.retried")
        ended = OutcomeCounters(dimensions: dimensions, byTenant: byTenant)
        runsExecuting = Meter(label: "nightjar.runs.executing", dimensions: dimensions)
        stepsExecuting = Meter(label: "nightjar.steps.executing", dimensions: dimensions)
        queued = Gauge(label: "nightjar.runs.queued", dimensions: dimensions)
        slots = Gauge(label: "nightjar.slots", dimensions: dimensions)
        reaped = counter("nightjar.runs.reaped")
        cancelled = counter("nightjar.runs.cancelled")
        cancelLatency = timer("nightjar.cancel.latency")
        sessionsLost = counter("nightjar.sessions.lost")
        hintsLost = counter("nightjar.hints.lost")
        failures = counter("nightjar.database.failures")
    }

    func claimed(_ claim: Claim, took duration: Duration) {
        claims.increment()
        claimDuration.record(duration)
        claimed.increment(by: claim.runs)
        for run in claim.runs where run.lease.epoch == 1 {
            // One that was scheduled waits from its time on.
            let since = max(UUIDv7.date(of: run.lease.run), run.event.timestamp)
            startWait.recordSeconds(max(0, run.now.timeIntervalSince(since)))
        }
    }

    func committed(_ commits: [LeasedCommit], took duration: Duration) {
        commitDuration.record(duration)
        guard !commits.isEmpty else { return }
        accepted.increment(by: commits.count)
        let (steps, attempts) = commits.reduce((0, 0)) { ($0.0 + $1.steps.count, $0.1 + $1.attempts.count) }
        if steps > 0 { stepsRecorded.increment(by: steps) }
        if attempts > 0 { stepsRetried.increment(by: attempts) }
    }

    func refused(_ reason: CommitRefusal) { refused[reason]?.increment() }
    func commitRetried() { retried.increment() }
    func ended(function: String, tenant: Int32, isFailure: Bool) {
        ended.increment(function: function, tenant: tenant, isFailure: isFailure)
    }
    func runsExecuting(_ change: Int) { runsExecuting.change(by: change) }
    func stepsExecuting(_ change: Int) { stepsExecuting.change(by: change) }
    func sampled(queued count: Int, slots total: Int) {
        queued.record(count)
        slots.record(total)
    }
    func reaped(_ count: Int) { reaped.increment(by: count) }
    func cancelled(_ count: Int) { cancelled.increment(by: count) }
    func cancelHeard(after seconds: Double) { cancelLatency.recordSeconds(max(0, seconds)) }
    func sessionLost() { sessionsLost.increment() }
    func hintLost() { hintsLost.increment() }
    func databaseFailed() { failures.increment() }
}

extension Meter {
    fileprivate func change(by count: Int) {
        if count > 0 { increment(by: Double(count)) } else { decrement(by: Double(-count)) }
    }
}

extension Timer {
    func record(_ duration: Duration) { recordNanoseconds(Int64(duration / .nanoseconds(1))) }
}
