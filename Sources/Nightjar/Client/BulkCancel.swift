public import Foundation
internal import PostgresClient

/// A request to cancel many runs by what they have in common, and how far it has come.
public struct BulkCancel: Sendable, Hashable, Identifiable {
    /// How a request stands.
    public enum State: String, Sendable, Codable {
        /// Workers, or whoever carries it out, go through the unfinished runs.
        case running
        /// Somebody interrupted it; it can be resumed from where it is.
        case interrupted
        /// It has gone through all of them.
        case done
    }

    /// The request's id.
    public var id: UUID
    /// Which runs it means.
    public var filter: RunFilter
    /// Another condition on the event, in PostgreSQL's SQL/JSON path language; only requests made in SQL have one.
    public var path: String?
    /// Whether runs that start while it is carried out are meant too.
    public var includesNew: Bool
    /// Who asked.
    public var actor: String
    /// What was given as a reason.
    public var reason: String?
    /// When it was asked for.
    public var askedAt: Date
    /// How it stands.
    public var state: State
    /// When somebody last carried it further; nil: nobody has yet.
    public var advancedAt: Date?
    /// How many runs it has looked at.
    public var examined: Int
    /// How many it has ended.
    public var cancelled: Int
    /// How many more it met while somebody else held them: they end as after a cancel of one, in a moment.
    public var requested: Int
    /// When it was done.
    public var endedAt: Date?

    /// Reads requests, the newest first.
    static func read(_ db: PostgresConnection, id: UUID? = nil, limit: Int = 1) throws -> [BulkCancel] {
        try db.query(Statement.reportBulkCancels.sql, [id, limit]).map(BulkCancel.init)
    }

    /// Reads a row of `report_bulk_cancels.sql`.
    init(_ row: PostgresRow) throws {
        id = try row.decode("bulk_id")
        let statuses = try row.decode("status", as: [String]?.self) ?? []
        filter = RunFilter(
            function: try row.decode("function"), app: try row.decode("app"),
            statuses: Set(statuses.compactMap { RunRecord.Status(rawValue: $0) }),
            createdAfter: try row.decode("created_after"), createdBefore: try row.decode("created_before"),
            expression: try row.decode("expression"))
        path = try row.decode("path")
        includesNew = try row.decode("includes_new")
        actor = try row.decode("actor")
        reason = try row.decode("reason")
        askedAt = try row.decode("asked_at")
        switch try row.decode("state", as: Int16.self) {
        case 1: state = .running
        case 2: state = .interrupted
        default: state = .done
        }
        advancedAt = try row.decode("advanced_at")
        examined = try row.decode("examined")
        cancelled = try row.decode("cancelled")
        requested = try row.decode("requested")
        endedAt = try row.decode("ended_at")
    }
}
