internal import Metrics
internal import Synchronization

/// How the runs of each function and tenant ended; for tenants beyond a number together.
final class OutcomeCounters: Sendable {
    private struct Key: Hashable {
        var function: String
        /// Nil: tenants are not told apart, or there are too many of them.
        var tenant: Int32?
    }
    private struct Pair {
        var completed: Counter
        var failed: Counter
    }

    private let dimensions: [(String, String)]
    private let byTenant: Bool
    private let pairs = Mutex<[Key: Pair]>([:])

    init(dimensions: [(String, String)], byTenant: Bool) {
        self.dimensions = dimensions
        self.byTenant = byTenant
    }

    func increment(function: String, tenant: Int32, isFailure: Bool) {
        let pair = pairs.withLock { pairs in
            var key = Key(function: function, tenant: byTenant ? tenant : nil)
            if let known = pairs[key] { return known }
            if pairs.count >= TenantCounters.limit { key.tenant = nil }
            if let known = pairs[key] { return known }
            let pair = make(key)
            pairs[key] = pair
            return pair
        }
        (isFailure ? pair.failed : pair.completed).increment()
    }

    private func make(_ key: Key) -> Pair {
        var dimensions = dimensions + [("function", key.function)]
        if byTenant { dimensions.append(("tenant", key.tenant.map { "\($0)" } ?? "other")) }
        func counter(_ outcome: String) -> Counter {
            Counter(label: "nightjar.runs.ended", dimensions: dimensions + [("outcome", outcome)])
        }
        return Pair(completed: counter("completed"), failed: counter("failed"))
    }
}
