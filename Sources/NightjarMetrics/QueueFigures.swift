internal import Nightjar
internal import PostgresClient

/// What waits in the queues, by app and tenant.
struct QueueFigures {
    struct Row: Sendable, Equatable {
        var app: String
        var tenant: Int32
        /// See `metrics_queues.sql`.
        var source: Int32
        var depth: Int64
        var age: Double?
    }

    /// The apps there are, for those of which nothing waits.
    var apps: [String]
    var rows: [Row]

    static func read(_ db: PostgresConnection, byTenant: Bool) throws -> [MetricFamily] {
        let rows = try db.query(Statement.metricsQueues.sql, [DatabaseFigures.countLimit]).map { row in
            Row(
                app: try row.decode("app"), tenant: try row.decode("tenant_id"), source: try row.decode("source"),
                depth: try row.decode("depth"), age: try row.decode("age"))
        }
        let apps = try db.query(
            "SELECT DISTINCT a.name FROM (SELECT a.name FROM nightjar.apps a ORDER BY a.app_id DESC LIMIT 1000) a"
        ).map { try $0.decode(0, as: String.self) }
        return QueueFigures(apps: apps, rows: rows).families(byTenant: byTenant)
    }

    private struct Key: Hashable, Comparable {
        var app: String
        var tenant: String
        var state: String

        var labels: [String] { [app, tenant, state] }

        static func < (left: Key, right: Key) -> Bool { left.labels.lexicographicallyPrecedes(right.labels) }
    }

    func families(byTenant: Bool) -> [MetricFamily] {
        let named = tenants()
        var depths: [Key: Double] = [:]
        var lags: [Key: Double] = [:]
        for row in rows {
            let tenant = !byTenant ? "" : named.contains(row.tenant) ? "\(row.tenant)" : "other"
            let key = Key(app: row.app, tenant: tenant, state: Self.state(row.source))
            depths[key, default: 0] += Double(row.depth)
            if let age = row.age { lags[key] = max(lags[key] ?? 0, age) }
        }
        // Where nothing waits there is a zero, without a tenant.
        let known = Set(depths.keys.map { Key(app: $0.app, tenant: "", state: $0.state) })
        for app in apps {
            for source in [Int32(1), 2, 3] {
                let key = Key(app: app, tenant: "", state: Self.state(source))
                guard !known.contains(key) else { continue }
                depths[key] = 0
                if source != 3 { lags[key] = 0 }
            }
        }
        func samples(_ values: [Key: Double]) -> [(value: Double, labels: [String])] {
            values.sorted { $0.key < $1.key }.map { ($0.value, $0.key.labels) }
        }
        return [MetricCatalog.queueDepth.family(samples(depths)), MetricCatalog.dueLag.family(samples(lags))]
    }

    /// Those with the most runs.
    private func tenants() -> Set<Int32> {
        var depths: [Int32: Int64] = [:]
        for row in rows { depths[row.tenant, default: 0] += row.depth }
        let most = depths.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        return Set(most.prefix(DatabaseFigures.tenantLimit).map(\.key))
    }

    private static func state(_ source: Int32) -> String {
        switch source {
        case 1: "due"
        case 2: "new"
        case 4: "limited"
        default: "again"
        }
    }
}
