package import Foundation
package import PostgresClient

/// For how long a log is kept.
package struct RetentionPolicy: Sendable {
    package var log: RetentionLog
    /// Nil: every tenant that has no policy of its own.
    package var tenant: String?
    /// As PostgreSQL writes an interval, such as `30 days`; nil: for ever.
    package var keep: String?
    package var changedAt: Date
    package var changedBy: String

    /// Every policy that is set, those for all tenants first.
    package static func read(_ db: PostgresConnection) throws -> [RetentionPolicy] {
        try db.query(Statement.retentionPolicies.sql).map { row in
            RetentionPolicy(
                log: try row.decode("log"), tenant: try row.decode("tenant"), keep: try row.decode("keep"),
                changedAt: try row.decode("changed_at"), changedBy: try row.decode("changed_by"))
        }
    }

    /// Sets one; `keep` nil: for ever.
    package static func set(_ db: PostgresConnection, _ log: String, keep: String?, tenant: String?) throws {
        try db.execute("SELECT nightjar.set_retention($1, $2::text::interval, $3)", [log, keep, tenant])
    }

    /// Takes a tenant's own away; false: it had none.
    package static func reset(_ db: PostgresConnection, _ log: String, tenant: String) throws -> Bool {
        try db.query("SELECT nightjar.reset_retention($1, $2)", [log, tenant])[0].decode(0)
    }
}
