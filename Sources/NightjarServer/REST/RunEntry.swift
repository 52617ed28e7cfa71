internal import Foundation
internal import Nightjar
internal import NightjarCore

/// A run as the HTTP API shows it: a row of `api_runs.sql`.
struct RunEntry: Sendable {
    /// How a run stands, in the words of version 1.
    enum Status: String, Sendable {
        /// It has not begun.
        case scheduled = "Scheduled"
        case running = "Running"
        case completed = "Completed"
        case failed = "Failed"
        case cancelled = "Cancelled"
        /// Another run held its function's singleton.
        case skipped = "Skipped"

        var isEnd: Bool { self != .scheduled && self != .running }

        /// In the words of version 2 and of GraphQL.
        var upper: String { self == .scheduled ? "QUEUED" : rawValue.uppercased() }
    }

    var id: UUID
    var tenant: Int32
    var functionID: Int32
    var functionUUID: UUID
    var appID: Int32
    var app: String
    var function: String
    var title: String?
    var eventID: UUID
    var createdAt: Date
    var startedAt: Date?
    var endedAt: Date?
    var dueAt: Date?
    /// What it is doing, or how it ended, as the command line says it.
    var state: String
    /// JSON texts.
    var output: String?
    var error: String?
    var cause: String?
    var rerunOf: UUID?
    var parentRunID: UUID?
    var parentStep: String?
    /// Of a cancelled run: the policy as its author wrote it, and the steps whose bodies were executing.
    var policy: String?
    var executing: [String]?
    /// All events of a batch, in order; empty when it is none.
    var batch: [UUID]
    /// Whether it is cancelled only in that it was not to begin.
    private var isSkipped = false

    init(_ row: PostgresRow) throws {
        id = try row.decode("run_id")
        tenant = try row.decode("tenant_id")
        functionID = try row.decode("function_id")
        functionUUID = try row.decode("function_uuid")
        appID = try row.decode("app_id")
        app = try row.decode("app")
        function = try row.decode("function")
        title = try row.decode("title")
        eventID = try row.decode("event_id")
        createdAt = try row.decode("created_at")
        startedAt = try row.decode("started_at")
        endedAt = try row.decode("ended_at")
        dueAt = try row.decode("due_at")
        state = try row.decode("status", as: String?.self) ?? "queued"
        output = try row.decode("output", as: PostgresJSON?.self)?.text
        error = try row.decode("error", as: PostgresJSON?.self)?.text
        cause = try row.decode("cause", as: PostgresJSON?.self)?.text
        rerunOf = try row.decode("rerun_of")
        parentRunID = try row.decode("parent_run_id")
        parentStep = try row.decode("parent_step")
        policy = try row.decode("policy")
        executing = try row.decode("executing")
        batch = try row.decode("batch")
        if let cause { isSkipped = (try? JSONCoding.value(JSON.self, from: cause))?["kind"] == "skipped" }
    }

    /// Reads runs, in the order given; those that are unknown are left out.
    static func read(_ db: PostgresConnection, _ ids: [UUID]) throws -> [RunEntry] {
        guard !ids.isEmpty else { return [] }
        return try db.query(Statement.apiRuns.sql, [ids]).map(RunEntry.init)
    }

    /// The runs that events started, by event.
    static func read(
        _ db: PostgresConnection, startedBy events: [UUID], limit: Int = 1_000
    ) throws -> [UUID: [RunEntry]] {
        guard !events.isEmpty else { return [:] }
        let pairs = try db.query(Statement.apiRunsOfEvents.sql, [events, limit]).map {
            (event: try $0.decode("event_id", as: UUID.self), run: try $0.decode("run_id", as: UUID.self))
        }
        // A batch is among the runs of each of its events.
        let runs = Dictionary(try read(db, pairs.map(\.run)).map { ($0.id, $0) }) { first, _ in first }
        return Dictionary(grouping: pairs, by: \.event).mapValues { $0.compactMap { runs[$0.run] } }
    }

    var status: Status {
        switch state {
        case "completed": .completed
        case "failed": .failed
        case "cancelled": isSkipped ? .skipped : .cancelled
        default: startedAt == nil ? .scheduled : .running
        }
    }

    /// The function's name across apps.
    var slug: String { "\(app)-\(function)" }

    /// The events that it was started for.
    var eventIDs: [UUID] { batch.isEmpty ? [eventID] : batch }

    /// What it returned, or why it failed, as JSON text.
    var result: String? { status == .failed ? error : output }
}

extension RunEntry {
    /// The run in version 1: the documented members, then what only we tell.
    var v1: ReplyValue {
        var value: ReplyValue = [
            "run_id": .ulid(id), "run_started_at": .date(startedAt ?? createdAt), "function_id": .uuid(functionUUID),
            "function_version": 1, "environment_id": .uuid(Tenancy.environment(of: tenant)), "event_id": .ulid(eventID),
        ]
        value.add("batch_id", batch.isEmpty ? nil : .ulid(id))
        value.add("original_run_id", rerunOf.map { .ulid($0) })
        value.add("status", .string(status.rawValue))
        value.add("ended_at", .orNull(endedAt) { .date($0) })
        value.add("output", result.map { .json($0) })
        value.add("app_name", .string(app))
        value.add("function_slug", .string(slug))
        value.add("state", .string(state))
        value.add("queued_at", .date(createdAt))
        value.add("due_at", dueAt.map { .date($0) })
        value.add("parent_run_id", parentRunID.map { .ulid($0) })
        value.add("cancellation", cause.map { .json($0) })
        return value
    }

    /// The run in version 2.
    func v2(includingOutput: Bool) -> ReplyValue {
        var value: ReplyValue = [
            "id": .ulid(id),
            "function": ["id": .string(slug), "name": .string(title ?? function)],
            "app": ["id": .string(app)], "status": .string(status.upper), "queuedAt": .date(createdAt),
        ]
        value.add("startedAt", startedAt.map { .date($0) })
        value.add("endedAt", endedAt.map { .date($0) })
        if let endedAt, let startedAt {
            // An unsigned number of 64 bits is a text in this API.
            value.add("durationMs", .string("\(Int64(max(0, endedAt.timeIntervalSince(startedAt) * 1_000)))"))
        }
        value.add("trigger", ["eventIds": .array(eventIDs.map { .ulid($0) }), "isBatch": .bool(!batch.isEmpty)])
        if includingOutput { value.add("output", result.map { .json($0) }) }
        return value
    }
}
