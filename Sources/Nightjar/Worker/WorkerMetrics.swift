internal import Metrics

/// What a worker counts; every name with its unit.
struct WorkerMetrics: Sendable {
    private let claimed: Counter
    private let accepted: Counter
    private let refused: Counter
    private let reaped: Counter
    private let cancelled: Counter
    private let executing: Gauge

    init(app: String) {
        let dimensions = [("app", app)]
        claimed = Counter(label: "nightjar.runs.claimed", dimensions: dimensions)
        accepted = Counter(label: "nightjar.commits.accepted", dimensions: dimensions)
        refused = Counter(label: "nightjar.commits.refused", dimensions: dimensions)
        reaped = Counter(label: "nightjar.runs.reaped", dimensions: dimensions)
        cancelled = Counter(label: "nightjar.runs.cancelled", dimensions: dimensions)
        executing = Gauge(label: "nightjar.runs.executing", dimensions: dimensions)
    }

    func claimed(_ count: Int, executing now: Int) {
        if count > 0 { claimed.increment(by: count) }
        executing.record(now)
    }
    func committed(accepted good: Int, refused bad: Int) {
        if good > 0 { accepted.increment(by: good) }
        if bad > 0 { refused.increment(by: bad) }
    }
    func reaped(_ count: Int) { reaped.increment(by: count) }
    func cancelled(_ count: Int) { cancelled.increment(by: count) }
}
