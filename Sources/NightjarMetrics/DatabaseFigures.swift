internal import Nightjar
internal import PostgresClient

/// The parts of what is asked of the database, each a statement of its own: one that fails does not hide the others.
enum DatabaseFigures: String, CaseIterable, Sendable {
    case server, workers, queues, horizon, tables, partitions

    /// How many rows are counted for each app at most.
    static let countLimit: Int32 = 10_000
    /// How many tenants are told apart; those with the fewest runs are "other".
    static let tenantLimit = 100

    func read(_ db: PostgresConnection, byTenant: Bool) throws -> [MetricFamily] {
        switch self {
        case .server: try Self.server(db)
        case .workers: try Self.workers(db)
        case .queues: try QueueFigures.read(db, byTenant: byTenant)
        case .horizon: try Self.horizon(db)
        case .tables: try Self.tables(db)
        case .partitions: try Self.partitions(db)
        }
    }

    private static func server(_ db: PostgresConnection) throws -> [MetricFamily] {
        let row = try db.query(Statement.metricsServer.sql, [countLimit])[0]
        func gauge(_ metric: MetricDescription, _ value: Double) -> MetricFamily { metric.family([(value, [])]) }
        return [
            gauge(MetricCatalog.pending, Double(try row.decode("pending", as: Int64.self))),
            gauge(MetricCatalog.pendingAge, max(0, try row.decode("pending_age", as: Double?.self) ?? 0)),
            gauge(MetricCatalog.overdueTimeouts, max(0, try row.decode("expired_for", as: Double?.self) ?? 0)),
            gauge(MetricCatalog.notificationQueue, try row.decode("notification_queue", as: Double.self)),
            gauge(MetricCatalog.connections, Double(try row.decode("connections", as: Int64.self))),
            gauge(MetricCatalog.connectionLimit, Double(try row.decode("max_connections", as: Int64.self))),
        ]
    }

    private static func workers(_ db: PostgresConnection) throws -> [MetricFamily] {
        let rows = try db.query(Statement.metricsSessions.sql).map { row in
            (
                app: try row.decode("app", as: String.self), live: try row.decode("workers", as: Int64.self),
                dead: try row.decode("dead_with_runs", as: Int64.self)
            )
        }
        return [
            MetricCatalog.workers.family(rows.map { (Double($0.live), [$0.app]) }),
            MetricCatalog.deadSessions.family(rows.map { (Double($0.dead), [$0.app]) }),
        ]
    }

    /// The statement of `nightjar doctor`: the oldest holder first.
    private static func horizon(_ db: PostgresConnection) throws -> [MetricFamily] {
        guard let worst = try db.query(Statement.doctorHorizon.sql).first else {
            return [
                MetricCatalog.horizonTransactions.family([(0, [])]), MetricCatalog.horizonSeconds.family([(0, [])]),
            ]
        }
        let labels = [try worst.decode("kind", as: String.self), try worst.decode("name", as: String.self)]
        let transactions = Double(try worst.decode("transactions", as: Int64?.self) ?? 0)
        let seconds = try worst.decode("held_for", as: Double?.self)
        return [
            MetricCatalog.horizonTransactions.family([(transactions, labels)]),
            MetricCatalog.horizonSeconds.family(seconds.map { [(max(0, $0), labels)] } ?? []),
        ]
    }

    private static func tables(_ db: PostgresConnection) throws -> [MetricFamily] {
        let rows = try db.query(Statement.metricsTables.sql).map { row in
            (
                name: try row.decode("name", as: String.self), live: try row.decode("live", as: Int64.self),
                dead: try row.decode("dead", as: Int64.self)
            )
        }
        return [
            MetricCatalog.tableRows.family(rows.map { (Double($0.live), [$0.name]) }),
            MetricCatalog.tableDeadRows.family(rows.map { (Double($0.dead), [$0.name]) }),
        ]
    }

    private static func partitions(_ db: PostgresConnection) throws -> [MetricFamily] {
        let rows = try db.query(Statement.doctorPartitions.sql).map { row in
            (max(0, try row.decode("days", as: Double.self)) * 86_400, [try row.decode("log", as: String.self)])
        }
        return [MetricCatalog.partitionsAhead.family(rows)]
    }
}
