internal import Foundation
internal import NightjarCore
internal import PostgresClient

/// The commits of several runs as the arrays that `commit.sql` takes.
struct CommitBatch {
    private var runs = (
        id: [UUID](), epoch: [Int32](), next: [Int16](), due: [Date?](), output: [PostgresJSON?](),
        error: [PostgresJSON?](), mail: [Int32](), remoteState: [Int16?]()
    )
    private var steps = (
        run: [UUID](), step: [String](), kind: [Int16](), failed: [Bool](), attempt: [Int16](),
        output: [PostgresJSON?](),
        error: [PostgresJSON?](), due: [Date?](), started: [Date](), ended: [Date](), tenant: [Int32](),
        name: [String?]()
    )
    private var attempts = (
        run: [UUID](), step: [String](), attempt: [Int16](), error: [PostgresJSON](), retry: [Date](),
        started: [Date](),
        ended: [Date](), tenant: [Int32]()
    )
    private var events = (
        run: [UUID](), id: [UUID](), name: [String](), data: [PostgresJSON](), user: [PostgresJSON?](),
        key: [String?](),
        ts: [Date?](), tenant: [Int32]()
    )
    private var open = (
        run: [UUID](), step: [String](), kind: [Int16](), started: [Date](), due: [Date](), cascades: [Bool](),
        spec: [PostgresJSON](), tenant: [Int32](), name: [String?]()
    )

    /// - Throws: `EncodingError` when an error cannot be written as JSON; it is made of texts, so it can.
    mutating func add(_ commit: LeasedCommit) throws {
        let run = commit.lease.run
        runs.id.append(run)
        runs.epoch.append(commit.lease.epoch)
        let next = try Columns(commit.next)
        runs.next.append(next.code)
        runs.due.append(next.due)
        runs.output.append(next.output)
        runs.error.append(next.error)
        runs.mail.append(Int32(clamping: commit.mail))
        runs.remoteState.append(commit.remoteState)
        for step in commit.openings {
            open.run.append(run)
            open.step.append(step.step)
            open.name.append(step.name)
            open.kind.append(step.kind.rawValue)
            open.started.append(step.startedAt)
            open.due.append(step.dueAt.storable)
            open.cascades.append(step.invocation?.cancelsWithParent ?? false)
            open.spec.append(PostgresJSON(try step.spec()))
            open.tenant.append(commit.tenant)
        }
        for step in commit.steps {
            steps.run.append(run)
            steps.step.append(step.step)
            steps.name.append(step.name)
            steps.kind.append(step.kind.rawValue)
            steps.failed.append(step.status == .failed)
            steps.attempt.append(Int16(clamping: step.attempt))
            steps.output.append(step.output.map { PostgresJSON($0) })
            steps.error.append(try step.error.map { try PostgresJSON(encoding: $0) })
            steps.due.append(step.dueAt?.storable)
            steps.started.append(step.startedAt)
            steps.ended.append(step.endedAt)
            steps.tenant.append(commit.tenant)
        }
        for attempt in commit.attempts {
            attempts.run.append(run)
            attempts.step.append(attempt.step)
            attempts.attempt.append(Int16(clamping: attempt.attempt))
            attempts.error.append(try PostgresJSON(encoding: attempt.error))
            attempts.retry.append(attempt.retryAt)
            attempts.started.append(attempt.startedAt)
            attempts.ended.append(attempt.endedAt)
            attempts.tenant.append(commit.tenant)
        }
        for event in commit.events {
            events.run.append(run)
            events.id.append(event.eventID ?? UUIDv7.make())
            events.name.append(event.name)
            events.data.append(PostgresJSON(event.dataJSON))
            events.user.append(event.userJSON.map { PostgresJSON($0) })
            events.key.append(event.id)
            events.ts.append(event.timestamp)
            events.tenant.append(commit.tenant)
        }
    }

    /// What became of a run whose lease was good.
    enum Answer: Sendable {
        case recorded
        /// Recorded; it wanted to wait, and is ready instead.
        case ready
        /// Not recorded: it gave up waiting for something that had come in time.
        case outdated
    }

    /// Records it all; answers the runs whose lease was good.
    func record(_ db: PostgresConnection, session: UUID) throws -> [UUID: Answer] {
        let parameters: [any PostgresEncodable] = [
            session, runs.id, runs.epoch, runs.next, runs.due, runs.output, runs.error,
            steps.run, steps.step, steps.kind, steps.failed, steps.attempt, steps.output, steps.error, steps.due,
            steps.started,
            steps.ended, attempts.run, attempts.step, attempts.attempt, attempts.error, attempts.retry,
            attempts.started,
            attempts.ended, events.run, events.id, events.name, events.data, events.user, events.key, events.ts,
            steps.tenant, attempts.tenant, events.tenant, runs.mail,
            open.run, open.step, open.kind, open.started, open.due, open.cascades, open.spec, open.tenant,
            steps.name, open.name, runs.remoteState,
        ]
        var answers: [UUID: Answer] = [:]
        for row in try db.query(Statement.commit.sql, parameters) {
            let isBehind = try row.decode(1, as: Bool?.self)
            answers[try row.decode(0)] = isBehind.map { $0 ? .ready : .recorded } ?? .outdated
        }
        return answers
    }

    /// What a run does next, as the statement's columns.
    private struct Columns {
        var code: Int16
        var due: Date?
        var output: PostgresJSON?
        var error: PostgresJSON?

        init(_ next: LeasedCommit.Next) throws {
            switch next {
            case .run(.keep): code = 0
            case .run(.end(.completed(let output))): (code, self.output) = (1, PostgresJSON(output))
            case .run(.end(.failed(let error))): (code, self.error) = (2, try PostgresJSON(encoding: error))
            // Nobody who holds a lease cancels: the row is deleted under it.
            case .run(.end(.cancelled)), .handBack: code = 6
            case .run(.park(let until, .sleeping)): (code, due) = (4, until.storable)
            case .run(.park(let until, .retrying)): (code, due) = (5, until.storable)
            case .run(.park(let until, .waiting)): (code, due) = (7, until.storable)
            case .run(.park(let until, .invoking)): (code, due) = (8, until.storable)
            }
        }
    }
}

/// A run's commit with the lease that it is made under.
struct LeasedCommit: Sendable {
    enum Next: Sendable {
        case run(NightjarCore.Next)
        /// The run is ready again, for anybody.
        case handBack

        /// Whether a run that holds slots may no longer do so.
        var givesSlotsBack: Bool {
            switch self {
            case .run(.park), .run(.end): true
            default: false
            }
        }
    }
    var lease: Lease
    /// Only what is recorded needs it.
    var tenant: Int32 = 0
    var steps: [RecordedStep] = []
    var attempts: [RecordedAttempt] = []
    var events: [NewEvent] = []
    var openings: [OpenStep] = []
    /// How many answers to open steps the execution knew of.
    var mail = 0
    /// See ``RunCommit/remoteState``.
    var remoteState: Int16?
    var next: Next
    /// Somebody may have to hear of the run's end.
    var isHeard = false
    /// It holds slots.
    var isLimited = false

    /// About how much text it carries.
    var bytes: Int {
        var bytes =
            steps.reduce(0) { $0 + ($1.output?.utf8.count ?? 0) } + events.reduce(0) { $0 + $1.dataJSON.utf8.count }
        if case .run(.end(.completed(let output))) = next { bytes += output.utf8.count }
        return bytes
    }
}

extension Date {
    /// The nearest date that a `timestamptz` of years 1 to 9999 holds: a sleep until `distantPast` is over, not an error.
    fileprivate var storable: Date {
        let years = Date(timeIntervalSince1970: -62_135_596_800)...Date(timeIntervalSince1970: 253_402_300_799)
        return min(max(self, years.lowerBound), years.upperBound)
    }
}
