internal import PostgresClient
internal import Synchronization

/// The names of the tenants whose runs a worker executes, each as it was when the first run of it came.
final class TenantNames: Sendable {
    private let names = Mutex<[Int32: String]>([:])

    /// Reads the names that are missing: none, as a rule.
    func read(_ db: PostgresConnection, of runs: [ClaimedRun]) throws {
        let missing = names.withLock { Set(runs.map(\.tenant)).subtracting($0.keys) }
        guard !missing.isEmpty else { return }
        let rows = try db.query(
            "SELECT tenant_id, name FROM nightjar.tenants WHERE tenant_id = ANY ($1)", [Array(missing)])
        for row in rows {
            let (tenant, name) = (try row.decode(0, as: Int32.self), try row.decode(1, as: String.self))
            names.withLock { $0[tenant] = name }
        }
    }

    /// The name of a tenant; its number where it has none.
    func name(of tenant: Int32) -> String {
        names.withLock { $0[tenant] } ?? "\(tenant)"
    }
}
