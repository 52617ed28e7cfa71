internal import Foundation
internal import Nightjar

/// A request to cancel many runs as the HTTP API shows it: a row of `api_cancellations.sql`.
struct CancellationEntry: Sendable {
    var id: UUID
    var tenant: Int32
    var app: String?
    var function: String?
    var appUUID: UUID?
    var functionUUID: UUID?
    var createdAfter: Date?
    var createdBefore: Date?
    var expression: String?
    var actor: String
    var reason: String?
    var askedAt: Date
    var state: Int16
    var examined: Int64
    var cancelled: Int64
    var requested: Int64
    var endedAt: Date?

    init(_ row: PostgresRow) throws {
        id = try row.decode("bulk_id")
        tenant = try row.decode("tenant_id")
        app = try row.decode("app")
        function = try row.decode("function")
        appUUID = try row.decode("app_uuid")
        functionUUID = try row.decode("function_uuid")
        createdAfter = try row.decode("created_after")
        createdBefore = try row.decode("created_before")
        expression = try row.decode("expression")
        actor = try row.decode("actor")
        reason = try row.decode("reason")
        askedAt = try row.decode("asked_at")
        state = try row.decode("state")
        examined = try row.decode("examined")
        cancelled = try row.decode("cancelled")
        requested = try row.decode("requested")
        endedAt = try row.decode("ended_at")
    }

    /// Reads requests, the newest first.
    static func read(_ db: PostgresConnection, id: UUID? = nil, limit: Int = 1_000) throws -> [CancellationEntry] {
        try db.query(Statement.apiCancellations.sql, [id, limit]).map(CancellationEntry.init)
    }

    /// The documented members, then how far it has come.
    var v1: ReplyValue {
        let slug = app.flatMap { app in function.map { "\(app)-\($0)" } } ?? function
        return [
            "created_at": .date(askedAt), "name": nil, "id": .ulid(id),
            "account_id": .uuid(Tenancy.account(of: tenant)),
            "environment_id": .uuid(Tenancy.environment(of: tenant)), "app_id": .orNull(appUUID) { .uuid($0) },
            "function_internal_id": .orNull(functionUUID) { .uuid($0) }, "function_id": .orNull(slug) { .string($0) },
            "started_after": .orNull(createdAfter) { .date($0) },
            "started_before": .orNull(createdBefore) { .date($0) },
            "if": .orNull(expression) { .string($0) }, "kind": "bulk_run", "cause": "API",
            "state": .string(["running", "interrupted", "done"][Int(min(max(state, 1), 3)) - 1]),
            "actor": .string(actor),
            "reason": .orNull(reason) { .string($0) }, "examined": .integer(examined), "cancelled": .integer(cancelled),
            "requested": .integer(requested), "ended_at": .orNull(endedAt) { .date($0) },
        ]
    }
}
