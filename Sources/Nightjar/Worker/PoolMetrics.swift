internal import Metrics
package import PostgresClient

/// How the connections of a pool are used, as of the moment that somebody looks.
package struct PoolMetrics: Sendable {
    private let pool: PostgresPool
    private let size: Gauge
    private let inUse: Gauge
    private let waiting: Gauge

    /// - Parameter name: Whose pool it is.
    package init(_ pool: PostgresPool, name: String) {
        self.pool = pool
        let dimensions = [("pool", name)]
        size = Gauge(label: "nightjar.pool.size", dimensions: dimensions)
        inUse = Gauge(label: "nightjar.pool.in_use", dimensions: dimensions)
        waiting = Gauge(label: "nightjar.pool.waiting", dimensions: dimensions)
        sample()
    }

    /// Looks once.
    package func sample() {
        let usage = pool.usage
        size.record(usage.size)
        inUse.record(usage.inUse)
        waiting.record(usage.waiting)
    }

    /// Looks every second until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            sample()
            try? await Task.sleep(for: .seconds(1))
        }
    }
}
