package import Foundation
package import PostgresClient

/// What would become of a week that is due, and who needs something of it.
package struct RetentionPlan: Sendable {
    package var log: RetentionLog
    /// The Monday, as `2026-01-05`.
    package var week: String
    package var tables: [String]
    package var bytes: Int
    /// Unfinished runs that need something of it.
    package var liveRuns: Int
    /// How many rows stay: events, keys, or runs, with those that have ended lately.
    package var needed: Int
    /// When somebody last tried to drop it, and why it could not be.
    package var triedAt: Date?
    package var reason: String?

    /// Every week that is due, the oldest first. Changes nothing.
    package static func read(_ db: PostgresConnection) throws -> [RetentionPlan] {
        try db.query(Statement.retentionPlan.sql).map { row in
            RetentionPlan(
                log: try row.decode("log"), week: try row.decode("week"), tables: try row.decode("tables"),
                bytes: Int(try row.decode("bytes", as: Int64.self)),
                liveRuns: Int(try row.decode("live_runs", as: Int64.self)),
                needed: Int(try row.decode("needed", as: Int64.self)),
                triedAt: try row.decode("tried_at"), reason: try row.decode("reason"))
        }
    }
}
