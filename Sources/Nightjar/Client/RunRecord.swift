public import Foundation
public import NightjarCore
internal import PostgresClient

/// A run as it stands: a row of the view `nightjar.run_status`.
public struct RunRecord: Sendable, Codable {
    /// What a run is doing, or how it ended.
    public enum Status: String, Sendable, Codable, CaseIterable {
        /// Ready: the next free worker takes it.
        case queued
        /// A worker executes it.
        case running
        /// Asleep until ``RunRecord/dueAt``.
        case sleeping
        /// An attempt failed; the next is made at ``RunRecord/dueAt``.
        case retrying
        /// Its event's `ts` lies ahead; it begins at ``RunRecord/dueAt``.
        case scheduled
        /// A step waits for an event, until ``RunRecord/dueAt`` at most.
        case waiting
        /// A step waits for the end of a run that it invoked, until ``RunRecord/dueAt`` at most.
        case invoking
        /// It returned.
        case completed
        /// It threw, and is not tried again.
        case failed
        /// It was cancelled: by an event, by somebody, or because it took too long.
        case cancelled

        /// Whether the run can still be cancelled.
        package var isUnfinished: Bool {
            switch self {
            case .queued, .running, .sleeping, .retrying, .scheduled, .waiting, .invoking: true
            case .completed, .failed, .cancelled: false
            }
        }

        /// - Throws: ``NightjarError`` with `schemaTooNew` for a status of a newer build.
        init(stored: String, of run: UUID) throws {
            guard let known = Status(rawValue: stored) else {
                throw NightjarError(
                    .schemaTooNew, "run \(run) has a status that only a newer Nightjar knows: \(stored)")
            }
            self = known
        }
    }

    /// The run's id.
    public var id: UUID
    /// The app and the function.
    public var app: String
    /// The function's id within the app.
    public var function: String
    /// What it is doing, or how it ended.
    public var status: Status
    /// The stored event that started it.
    public var eventID: UUID
    /// When it was created, when it began (nil: it has not) and when it ended (nil: it has not).
    public var createdAt: Date
    /// When a worker first took it.
    public var startedAt: Date?
    /// When it ended.
    public var endedAt: Date?
    /// While it sleeps, retries, waits, invokes or is scheduled: until when.
    public var dueAt: Date?
    /// What it returned, as JSON.
    public var output: JSON?
    /// Why it failed.
    public var error: RunError?
    /// Why it was cancelled.
    public var cause: Outcome.Cancellation?
    /// When it is cancelled for taking too long: for not having begun, or, once it has, for not having ended. Nil: never.
    public var expiresAt: Date?
    /// The ended run that it repeats.
    public var rerunOf: UUID?
    /// The run that invoked it.
    public var parentRunID: UUID?
    /// The step of that run.
    public var parentStep: String?

    /// How it ended; nil while it lives.
    public var outcome: Outcome? {
        switch status {
        case .completed: .completed(output: output.flatMap { try? JSONCoding.text($0) } ?? "null")
        case .failed: .failed(error ?? RunError(name: "Error", message: "unknown"))
        case .cancelled: .cancelled(cause ?? .init(kind: .other("unknown")))
        case .queued, .running, .sleeping, .retrying, .scheduled, .waiting, .invoking: nil
        }
    }

    private static let columns = """
        SELECT r.run_id, r.app, r.function, r.status, r.event_id, r.created_at, r.started_at, r.ended_at, r.due_at, r.output,
               r.error, r.cause, r.expires_at, r.rerun_of, r.parent_run_id, r.parent_step, r.policy, r.executing
        FROM nightjar.run_status r
        """

    /// Reads runs, the newest first. `condition` is a text of ours, never of a user's.
    package static func read(
        _ db: PostgresConnection, where condition: String, _ parameters: [any PostgresEncodable], limit: Int
    ) throws -> [RunRecord] {
        try db.query("\(columns) WHERE \(condition) ORDER BY r.run_id DESC LIMIT \(limit)", parameters).map(
            RunRecord.init)
    }

    /// Reads the runs that an event started. The id is the sender's own, if it gave one in the last 24 hours, else the one
    /// under which the event is stored. Index: runs_event.
    static func started(_ db: PostgresConnection, by eventID: String) throws -> [RunRecord] {
        let own = try db.query(
            """
            SELECT DISTINCT event_id FROM nightjar.idempotency
            WHERE tenant_id = nightjar.current_tenant() AND key = $1 AND scope > 0
            """, [eventID]
        ).map { try $0.decode(0, as: UUID.self) }
        let events = own + [UUID(uuidString: eventID)].compactMap { $0 }
        guard !events.isEmpty else { return [] }
        return try read(db, where: "r.event_id = ANY ($1)", [events], limit: 1_000)
    }

    /// Reads a row with the columns above.
    init(_ row: PostgresRow) throws {
        id = try row.decode(0)
        app = try row.decode(1)
        function = try row.decode(2)
        status = try Status(stored: row.decode(3), of: id)
        eventID = try row.decode(4)
        createdAt = try row.decode(5)
        startedAt = try row.decode(6)
        endedAt = try row.decode(7)
        dueAt = try row.decode(8)
        output = try row.decode(9, as: PostgresJSON?.self)?.decode(JSON.self)
        error = try row.decode(10, as: PostgresJSON?.self)?.decode(RunError.self)
        cause = try row.decode(11, as: PostgresJSON?.self)?.decode(Outcome.Cancellation.self)
        expiresAt = try row.decode(12)
        rerunOf = try row.decode(13)
        parentRunID = try row.decode(14)
        parentStep = try row.decode(15)
        if let policy = try row.decode(16, as: String?.self) { cause?.policy = policy }
        if let executing = try row.decode(17, as: [String]?.self) { cause?.executing = executing }
    }
}
