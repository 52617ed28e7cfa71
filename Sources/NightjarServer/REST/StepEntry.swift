internal import Foundation
internal import Nightjar
internal import NightjarCore

/// Something that a run recorded or waits for: a row of `api_steps.sql`.
struct StepEntry: Sendable {
    enum Part: Int32, Sendable {
        /// A step that ended.
        case step = 1
        /// An attempt that failed and was made again, of a step or, where its key is empty, of the function.
        case attempt = 2
        /// A step that waits for something from outside.
        case open = 3
    }

    var runID: UUID
    var part: Part
    var key: String
    var name: String?
    var kind: StepKind?
    var failed: Bool
    var attempt: Int
    /// JSON texts.
    var output: String?
    var error: String?
    var dueAt: Date?
    var startedAt: Date
    var endedAt: Date?
    /// The run that it invoked.
    var childRunID: UUID?
    /// The event's name, or the function, that it waits for.
    var awaits: String?

    init(_ row: PostgresRow) throws {
        runID = try row.decode("run_id")
        part = Part(rawValue: try row.decode("part")) ?? .step
        key = try row.decode("step")
        name = try row.decode("name")
        kind = StepKind(rawValue: try row.decode("kind"))
        failed = try row.decode("failed")
        attempt = Int(try row.decode("attempt", as: Int16.self))
        output = try row.decode("output", as: PostgresJSON?.self)?.text
        error = try row.decode("error", as: PostgresJSON?.self)?.text
        dueAt = try row.decode("due_at")
        startedAt = try row.decode("started_at")
        endedAt = try row.decode("ended_at")
        childRunID = try row.decode("child_run_id")
        awaits = try row.decode("awaits")
    }

    /// Reads what runs have recorded, each run's in the order in which it happened.
    static func read(_ db: PostgresConnection, of runs: [UUID]) throws -> [StepEntry] {
        guard !runs.isEmpty else { return [] }
        return try db.query(Statement.apiSteps.sql, [runs]).map(StepEntry.init)
    }

    /// What people call it.
    var title: String { name ?? key }

    /// In the words of version 1's steps.
    var status: String {
        switch part {
        case .step: failed ? "Failed" : "Completed"
        case .attempt: "Retrying"
        case .open: "Waiting"
        }
    }

    var v1: ReplyValue {
        var value: ReplyValue = [
            "id": .string(key), "name": .string(title), "kind": .string(kind.map(Self.word) ?? "attempt"),
            "status": .string(status), "attempt": .integer(Int64(attempt)), "started_at": .date(startedAt),
            "ended_at": .orNull(endedAt) { .date($0) },
        ]
        value.add("due_at", dueAt.map { .date($0) })
        value.add("output", output.map { .json($0) })
        value.add("error", error.map { .json($0) })
        value.add("child_run_id", childRunID.map { .ulid($0) })
        value.add("awaits", awaits.map { .string($0) })
        return value
    }

    private static func word(_ kind: StepKind) -> String {
        switch kind {
        case .run: "run"
        case .sleep: "sleep"
        case .sendEvent: "send_event"
        case .waitForEvent: "wait_for_event"
        case .invoke: "invoke"
        case .waitForSignal: "wait_for_signal"
        case .fetch: "fetch"
        case .infer: "infer"
        }
    }
}
