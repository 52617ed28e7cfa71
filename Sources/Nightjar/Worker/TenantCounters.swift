internal import Metrics
internal import Synchronization

/// A counter for each tenant; for tenants beyond a number one that they share.
final class TenantCounters: Sendable {
    static let limit = 500
    /// No tenant's number.
    private static let other = Int32.min

    private let label: String
    private let dimensions: [(String, String)]
    private let byTenant: Bool
    private let all: Counter?
    private let counters = Mutex<[Int32: Counter]>([:])

    init(_ label: String, dimensions: [(String, String)], byTenant: Bool) {
        self.label = label
        self.dimensions = dimensions
        self.byTenant = byTenant
        all = byTenant ? nil : Counter(label: label, dimensions: dimensions)
    }

    /// Counts runs. Those of a claim are as a rule few tenants'.
    func increment(by runs: [ClaimedRun]) {
        guard let first = runs.first else { return }
        if let all { return all.increment(by: runs.count) }
        var (tenant, count) = (first.tenant, 0)
        for run in runs {
            if run.tenant != tenant {
                counter(tenant).increment(by: count)
                (tenant, count) = (run.tenant, 0)
            }
            count += 1
        }
        counter(tenant).increment(by: count)
    }

    private func counter(_ tenant: Int32) -> Counter {
        counters.withLock { counters in
            if let known = counters[tenant] { return known }
            let isOther = counters.count >= Self.limit
            if isOther, let other = counters[Self.other] { return other }
            let counter = Counter(
                label: label, dimensions: dimensions + [("tenant", isOther ? "other" : "\(tenant)")])
            counters[isOther ? Self.other : tenant] = counter
            return counter
        }
    }
}
