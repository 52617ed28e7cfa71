import Foundation
import NightjarCore
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// Waits and invocations, by hand and as they stand in the database.
extension Probe {
    /// Registers functions as a worker of an app does.
    @discardableResult
    func register(_ functions: [FunctionDefinition], app: String = Self.queueName) async throws -> Registration {
        try await run { db in try Registration.make(db, app: app, functions: functions) }
    }

    /// Leases runs of an app's functions.
    func claim(_ registration: Registration, limit: Int = 10) async throws -> Claim {
        try await run { [session] db in
            try Claim.make(
                db, queue: registration.queue, functions: registration.functionIDs, session: session, limit: limit,
                low: .min)
        }
    }

    /// Records commits; answers what became of those whose lease was good.
    func record(_ commits: [LeasedCommit]) async throws -> [UUID: CommitBatch.Answer] {
        guard let session = commits.first?.lease.session else { return [:] }
        return try await run { db in
            var batch = CommitBatch()
            for commit in commits { try batch.add(commit) }
            return try batch.record(db, session: session)
        }
    }

    /// Begins to wait and leaves the run to others.
    func park(
        _ lease: Lease, opening steps: [OpenStep], mail: Int = 0, until date: Date = Date(timeIntervalSinceNow: 3_600)
    ) async throws -> Bool {
        try await record([
            LeasedCommit(
                lease: lease, tenant: 1, openings: steps, mail: mail, next: .run(.park(until: date, reason: .waiting)))
        ])[lease.run] == .recorded
    }

    /// Answers open steps with what had been sent before. Says whether some have to be looked at again.
    @discardableResult
    func lookBack() async throws -> Bool {
        try await run { db in
            let start = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
            return try db.query(Statement.lookBack.sql, [Int32(1_000), start, ""]).contains {
                try $0.decode(4, as: Bool?.self) == true
            }
        }
    }

    /// Applies whatever there is, until nothing is left to apply. That may have to wait for transactions of others.
    func settle(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await eventually(
            "nothing is left to apply",
            {
                try await self.applyPending()
                guard try await !self.lookBack() else { return false }
                return try await self.count("pending") == 0
            }, sourceLocation: sourceLocation)
    }

    /// What has come for an open step: the sequence number of the event; nil: nothing, or the step is not open.
    func arrival(_ run: UUID, _ step: String) async throws -> Int64? {
        try await self.run { db in
            try db.query(
                """
                SELECT e.seq FROM nightjar.open_steps o JOIN nightjar.events e ON e.event_id = o.arrived
                WHERE o.run_id = $1 AND o.step = $2
                """, [run, step]
            ).first?.decode(0)
        }
    }

    /// Sends an event with any data, and answers its number.
    @discardableResult
    func send(_ name: String, data: String, id: String? = nil) async throws -> Int64 {
        try await run { db in
            try db.query(
                "INSERT INTO nightjar.events (name, data, id) VALUES ($1, $2, $3) RETURNING seq",
                [name, PostgresJSON(data), id])[0].decode(0)
        }
    }

    /// The one run that an event started, by the id that sending it returned.
    func run(startedBy event: String) async throws -> UUID {
        let found = try await run { db in
            try db.query(
                """
                SELECT r.run_id FROM nightjar.runs r JOIN nightjar.events e USING (event_id)
                WHERE e.event_id::text = $1 OR e.id = $1
                """, [event]
            ).map { try $0.decode(0, as: UUID.self) }
        }
        return try #require(found.count == 1 ? found.first : nil, "\(found.count) runs")
    }

    /// How a run has ended.
    struct End: Equatable, Sendable {
        var status: String
        var output: String?
        var error: RunError?
    }

    /// Waits until a run has ended.
    func end(of run: UUID, sourceLocation: SourceLocation = #_sourceLocation) async throws -> End {
        try await eventually(
            "the run has ended",
            {
                try await self.value(
                    "SELECT count(*) FROM nightjar.live WHERE run_id = $1", [run], as: Int64.self) == 0
            }, sourceLocation: sourceLocation)
        return try await self.run { db in
            let row = try db.query("SELECT status, output, error FROM nightjar.run_status WHERE run_id = $1", [run])[0]
            return End(
                status: try row.decode(0), output: try row.decode(1, as: PostgresJSON?.self)?.text,
                error: try row.decode(2, as: PostgresJSON?.self)?.decode())
        }
    }

    /// Waits until as many runs have a status.
    func await(
        _ count: Int = 1, _ status: String, within time: Duration = .seconds(30),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually(
            "\(count) runs are \(status)", within: time,
            {
                try await self.value(
                    "SELECT count(*) FROM nightjar.run_status WHERE status = $1", [status], as: Int64.self)
                    == Int64(count)
            }, sourceLocation: sourceLocation)
    }

    /// Waits until every event has been applied to whoever waited for it.
    func awaitApplied(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        try await eventually(
            "nothing is pending",
            {
                try await self.value(
                    """
                    SELECT (SELECT count(*) FROM nightjar.pending)
                         + (SELECT count(*) FROM nightjar.open_steps WHERE NOT looked)
                    """, as: Int64.self) == 0
            }, sourceLocation: sourceLocation)
    }

    /// How many rows a table has.
    func count(_ table: String, where condition: String = "true") async throws -> Int64 {
        try await value("SELECT count(*) FROM nightjar.\(table) WHERE \(condition)")
    }

    /// The steps that a run has recorded, in order, each with its error's code, if it has one.
    func steps(of run: UUID) async throws -> [String] {
        try await self.run { db in
            try db.query(
                """
                SELECT concat_ws(' ', step, error ->> 'code') FROM nightjar.steps WHERE run_id = $1
                ORDER BY recorded_at, ended_at
                """, [run]
            ).map { try $0.decode(0) }
        }
    }
}

extension OpenStep {
    /// A wait for events of a name, that begins now.
    static func wait(
        _ step: String, for event: String, _ match: Match = .all, looksBack: Bool = false,
        until date: Date = Date(timeIntervalSinceNow: 3_600)
    ) -> OpenStep {
        OpenStep(
            step: step, kind: .waitForEvent,
            wait: EventWait(event: event, text: match.text, branches: match.branches, looksBack: looksBack),
            dueAt: date, startedAt: Date())
    }

    /// An invocation that begins now.
    static func invocation(_ step: String, of function: String) -> OpenStep {
        OpenStep(
            step: step, kind: .invoke,
            invocation: Invocation(function: function, dataJSON: "{}", cancelsWithParent: true),
            dueAt: Date(timeIntervalSinceNow: 3_600), startedAt: Date())
    }
}

extension Match {
    /// The same path in both events.
    static func path(_ text: String) throws -> Match {
        let path = try FieldPath(text)
        return Match(path, with: path)
    }

    /// An expression over both events.
    static func expression(_ text: String) throws -> Match { try EventExpression(text, scope: .match).match() }
}
