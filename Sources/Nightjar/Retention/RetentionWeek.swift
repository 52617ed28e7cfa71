internal import Foundation
internal import PostgresClient

/// One week of one log that is no longer wanted.
struct RetentionWeek: Sendable {
    var log: RetentionLog
    /// The Monday, as `2026-01-05`.
    var week: String
    /// Its partitions, in the order in which they are locked.
    var tables: [String]
    /// What a detachment left behind: tables that are no partitions any more, or are about to be none.
    var loose: [String]
    /// The week's first id, and the first id after it.
    var lower: UUID
    var upper: UUID

    init(_ row: PostgresRow) throws {
        log = try row.decode("log")
        week = try row.decode("week")
        tables = try row.decode("tables", as: [String]?.self) ?? []
        loose = try row.decode("loose", as: [String]?.self) ?? []
        lower = try row.decode("lower_id")
        upper = try row.decode("upper_id")
    }

    /// The partitioned table that a partition is one of.
    static func parent(of table: String) -> String { String(table.dropLast("_20260105".count)) }

    /// What to add to a partition's parent to attach it again.
    var bounds: String {
        "FOR VALUES FROM ('\(lower.uuidString.lowercased())') TO ('\(upper.uuidString.lowercased())')"
    }
}

/// A log, or the logs that hold the parts of a run.
package enum RetentionLog: String, Sendable, CaseIterable, PostgresDecodable {
    case events
    /// Runs, steps, attempts and outcomes: a run's parts go together.
    case runs
    case matchLog = "match_log"
}
