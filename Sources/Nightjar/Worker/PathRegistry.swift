internal import Foundation
internal import Logging
internal import NightjarCore
internal import PostgresClient
internal import Synchronization

/// Makes the places known by which steps wait for events, before the first of them waits: an event that begins later
/// then carries their keys. See `register_paths.sql`.
final class PathRegistry: Sendable {
    private struct Place: Hashable {
        var tenant: Int32
        var event: String
        var path: [String]
    }

    private let known = Mutex<Set<Place>>([])
    private let pool: PostgresPool
    private let logger: Logger

    init(pool: PostgresPool, logger: Logger) {
        self.pool = pool
        self.logger = logger
    }

    /// Returns when every place by which the steps wait is committed, or the task is cancelled.
    /// - Parameter tenant: Whose runs wait.
    func register(_ steps: [OpenStep], of tenant: Int32) async {
        var wanted: Set<Place> = []
        for step in steps {
            if let wait = step.wait {
                wanted.formUnion(wait.branches.map { Place(tenant: tenant, event: wait.event, path: $0.eventPath) })
            } else {
                wanted.insert(
                    Place(tenant: tenant, event: "inngest/function.finished", path: ["data", "correlation_id"]))
            }
        }
        let missing = known.withLock { wanted.subtracting($0) }
        for (event, places) in Dictionary(grouping: missing, by: \.event) {
            while !Task.isCancelled {
                do {
                    try await pool.withConnection { db in
                        let paths = try PostgresJSON(encoding: places.map(\.path))
                        try db.transaction { db in
                            // The connection may be for all tenants.
                            try db.query("SELECT set_config('nightjar.tenant', $1, true)", ["\(tenant)"])
                            try db.query(Statement.registerPaths.sql, [event, paths])
                        }
                    }
                    known.withLock { $0.formUnion(places) }
                    break
                } catch {
                    logger.warning("a wait begins later", metadata: [LogKey.error: "\(error)"])
                    try? await Task.sleep(for: .milliseconds(200))
                }
            }
        }
    }
}
