import Foundation
import PostgresClient

@testable import Nightjar

/// What the database recorded of a history, all of it.
struct HistoryRecord: Sendable {
    struct Event: Sendable {
        var id: UUID
        var publicID: String
        var seq: Int64
        var name: String
        var key: String
        var level: Int
        var lot: Int
        var mode: Int
        /// Of a system event: the run that it tells of.
        var run: UUID?
        var acknowledgedAt: Date?
    }
    struct Run: Sendable {
        var id: UUID
        var function: String
        /// Events with higher numbers count.
        var seq: Int64
        var trigger: Event
        /// By the clock of the transaction that made it, and by its id.
        var createdAt: Date
        var idTime: Date
        var rerunOf: UUID?
        var parent: UUID?
        var parentStep: String?
        var status: String
        var startedAt: Date?
        var endedAt: Date
        var output: String?
        var errorCode: String?
        var cause: Cause?
    }
    struct Cause: Sendable {
        var kind: String
        var eventID: UUID?
        var timeout: String?
        var parent: UUID?
        var bulk: UUID?
        var actor: String?
        var askedAt: Date
        var appliedAt: Date
    }
    struct Step: Sendable {
        var run: UUID
        var step: String
        var kind: Int16
        var failed: Bool
        var output: String?
        var eventID: String?
        var errorCode: String?
        /// When the statement began that recorded it.
        var recordedAt: Date

        var isTimedOut: Bool { kind == 4 ? !failed && output == "null" : failed && errorCode == "invoke_timeout" }
    }
    /// An open step when it was closed.
    struct Closed: Sendable {
        var kind: Int16
        var since: Int64
        var dueAt: Date
        var child: UUID?
        var cascades: Bool
        var isAnswered: Bool
        var at: Date
    }
    struct Bulk: Sendable {
        var tag: String
        var askedAt: Date
        var upto: Int64?
        var endedAt: Date?
    }

    /// Keeps what the engine forgets when a step waits no more.
    static let instruments = """
        CREATE TABLE public.closed_steps (run_id uuid, step text, kind smallint, since bigint, due_at timestamptz,
            child_run_id uuid, cascades boolean, answered boolean, at timestamptz DEFAULT clock_timestamp());
        CREATE FUNCTION public.note_closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            INSERT INTO public.closed_steps
            SELECT c.run_id, c.step, c.kind, c.since, c.due_at, c.child_run_id, c.cascades, c.arrived IS NOT NULL FROM closed c;
            RETURN NULL;
        END $$;
        CREATE TRIGGER note_closed AFTER DELETE ON nightjar.open_steps
            REFERENCING OLD TABLE AS closed FOR EACH STATEMENT EXECUTE FUNCTION public.note_closed()
        """

    var events: [UUID: Event] = [:]
    var eventsByPublicID: [String: Event] = [:]
    /// Of those that may cancel or answer.
    var eventsByKey: [String: [Event]] = [:]
    var runs: [UUID: Run] = [:]
    var steps: [UUID: [Step]] = [:]
    var closed: [UUID: [String: Closed]] = [:]
    var bulks: [UUID: Bulk] = [:]

    init(_ db: PostgresConnection, _ journal: Journal) throws {
        try readEvents(db, Dictionary(journal.acknowledgements.map { ($0.event, $0.at) }, uniquingKeysWith: min))
        try readRuns(db)
        try readSteps(db)
        for row in try db.query("SELECT bulk_id, actor, asked_at, upto, ended_at FROM nightjar.bulk_cancels") {
            bulks[try row.decode(0)] = Bulk(
                tag: try row.decode(1), askedAt: try row.decode(2), upto: try row.decode(3),
                endedAt: try row.decode(4))
        }
    }

    private mutating func readEvents(_ db: PostgresConnection, _ acknowledged: [UUID: Date]) throws {
        let sql = """
            SELECT event_id, coalesce(id, event_id::text), seq, name, data ->> 'key', (data ->> 'level')::int8,
                   (data ->> 'lot')::int8, (data ->> 'mode')::int8, (data ->> 'run_id')::uuid FROM nightjar.events
            """
        for row in try db.query(sql) {
            let id = try row.decode(0, as: UUID.self)
            let event = Event(
                id: id, publicID: try row.decode(1), seq: try row.decode(2), name: try row.decode(3),
                key: try row.decode(4, as: String?.self) ?? "", level: Int(try row.decode(5, as: Int64?.self) ?? -1),
                lot: Int(try row.decode(6, as: Int64?.self) ?? -1), mode: Int(try row.decode(7, as: Int64?.self) ?? -1),
                run: try row.decode(8), acknowledgedAt: acknowledged[id])
            events[id] = event
            eventsByPublicID[event.publicID] = event
            if event.name.hasPrefix("history/") { eventsByKey[event.key, default: []].append(event) }
        }
    }

    private mutating func readRuns(_ db: PostgresConnection) throws {
        let sql = """
            SELECT r.run_id, s.function, r.event_seq, r.event_id, r.created_at, nightjar.uuid7_time(r.run_id), r.rerun_of, r.parent_run_id,
                   r.parent_step, s.status, s.started_at, coalesce(s.ended_at, 'epoch'), s.output, s.error ->> 'code',
                   s.cause ->> 'kind', (s.cause ->> 'event_id')::uuid, s.cause ->> 'timeout', (s.cause ->> 'parent')::uuid,
                   (s.cause ->> 'bulk_id')::uuid, s.cause ->> 'actor', (s.cause ->> 'asked_at')::timestamptz,
                   (s.cause ->> 'applied_at')::timestamptz
            FROM nightjar.runs r JOIN nightjar.run_status s USING (run_id)
            """
        for row in try db.query(sql) {
            guard let trigger = events[try row.decode(3)] else { continue }
            var run = Run(
                id: try row.decode(0), function: try row.decode(1), seq: try row.decode(2), trigger: trigger,
                createdAt: try row.decode(4), idTime: try row.decode(5), rerunOf: try row.decode(6),
                parent: try row.decode(7), parentStep: try row.decode(8), status: try row.decode(9),
                startedAt: try row.decode(10), endedAt: try row.decode(11))
            run.output = try row.decode(12, as: PostgresJSON?.self)?.text
            run.errorCode = try row.decode(13)
            if let kind = try row.decode(14, as: String?.self) {
                run.cause = Cause(
                    kind: kind, eventID: try row.decode(15), timeout: try row.decode(16), parent: try row.decode(17),
                    bulk: try row.decode(18), actor: try row.decode(19), askedAt: try row.decode(20),
                    appliedAt: try row.decode(21))
            }
            runs[run.id] = run
        }
    }

    private mutating func readSteps(_ db: PostgresConnection) throws {
        let sql = """
            SELECT run_id, step, kind, failed, CASE WHEN kind >= 4 THEN output END, output ->> 'id', error ->> 'code',
                   recorded_at FROM nightjar.steps
            """
        for row in try db.query(sql) {
            let run = try row.decode(0, as: UUID.self)
            steps[run, default: []].append(
                Step(
                    run: run, step: try row.decode(1), kind: try row.decode(2), failed: try row.decode(3),
                    output: try row.decode(4, as: PostgresJSON?.self)?.text, eventID: try row.decode(5),
                    errorCode: try row.decode(6), recordedAt: try row.decode(7)))
        }
        let open =
            "SELECT run_id, step, kind, since, due_at, child_run_id, cascades, answered, at FROM public.closed_steps"
        for row in try db.query(open) {
            closed[try row.decode(0), default: [:]][try row.decode(1)] = Closed(
                kind: try row.decode(2), since: try row.decode(3), dueAt: try row.decode(4), child: try row.decode(5),
                cascades: try row.decode(6), isAnswered: try row.decode(7), at: try row.decode(8))
        }
    }
}
