internal import Foundation
internal import Hummingbird
internal import Nightjar

/// A function as the HTTP API shows it: a row of `api_functions.sql`.
struct FunctionEntry: Sendable {
    var id: Int32
    var uuid: UUID
    var appUUID: UUID
    var app: String
    /// Its id within its app.
    var function: String
    var title: String?
    var url: String?
    /// As its app registered it, JSON text; nil for native functions.
    var config: String?
    var archivedAt: Date?
    var changedAt: Date
    var triggers: [String]

    init(_ row: PostgresRow) throws {
        id = try row.decode("function_id")
        uuid = try row.decode("function_uuid")
        appUUID = try row.decode("app_uuid")
        app = try row.decode("app")
        function = try row.decode("function")
        title = try row.decode("title")
        url = try row.decode("url")
        config = try row.decode("config", as: PostgresJSON?.self)?.text
        archivedAt = try row.decode("archived_at")
        changedAt = try row.decode("changed_at")
        triggers = try row.decode("triggers")
    }

    var slug: String { "\(app)-\(function)" }

    /// The functions that names mean, each nil for any.
    ///
    /// - Parameters:
    ///   - app: a name or a UUID.
    ///   - function: an id within the app, a slug, or a UUID. An id within an app counts before a slug.
    static func named(_ db: PostgresConnection, app: String? = nil, function: String? = nil) throws -> [FunctionEntry] {
        let found = try db.query(Statement.apiFunctions.sql, [app, function]).map(FunctionEntry.init)
        let exact = found.filter { $0.function == function }
        return exact.isEmpty ? found : exact
    }

    /// The same; it is an error when there is none.
    static func existing(_ db: PostgresConnection, app: String?, function: String?) throws -> [FunctionEntry] {
        let found = try named(db, app: app, function: function)
        guard found.isEmpty else { return found }
        let of = app.map { " in app \"\($0)\"" } ?? ""
        throw RequestFailure(
            .notFound, "not_found",
            function.map { "there is no function \"\($0)\"\(of); see GET /v1/apps/{name}/functions" }
                ?? "there is no app \"\(app ?? "")\" with functions")
    }

    var v1: ReplyValue {
        [
            "id": .uuid(uuid), "slug": .string(slug), "name": .string(title ?? function), "version": 1,
            "app_id": .uuid(appUUID), "app_name": .string(app),
            "triggers": .array(triggers.map { ["event": .string($0)] }),
            "url": .orNull(url) { .string($0) }, "config": .orNull(config) { .json($0) },
            "changed_at": .date(changedAt),
            "archived_at": .orNull(archivedAt) { .date($0) },
        ]
    }
}
