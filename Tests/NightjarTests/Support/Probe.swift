import Foundation
import Logging
import NightjarCore
import NightjarTesting
import PostgresClient

@testable import Nightjar

/// One connection that speaks the engine's statements by hand, so that a test can put anything between two of them.
struct Probe: Sendable {
    static let queueName = "probe"

    let database: TestDatabase
    let connection: PostgresSession
    /// Under which it leases.
    let session: UUID

    /// Registers the function `post`: started by `test/post`, cancelled by `test/cancel` and by a newer `test/post`, both
    /// by `data.key`.
    static func registerPost(in database: TestDatabase) async throws {
        let connection = PostgresSession(database.configuration, logger: .silent)
        try await connection.run { db in
            let functions = """
                [{"name": "post", "options": {}, "triggers": [{"event": "test/post"}],
                  "cancel": [{"event": "test/cancel", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]},
                             {"event": "test/post", "branches": [{"trigger_path": ["data", "key"], "event_path": ["data", "key"]}]}]}]
                """
            _ = try db.query("SELECT nightjar.register($1, $2)", [queueName, PostgresJSON(functions)])
        }
        await connection.close()
    }

    init(_ database: TestDatabase, timeToLive: Duration = .seconds(3_600)) async throws {
        self.database = database
        connection = PostgresSession(database.configuration.forEngine(name: "probe"), logger: .silent)
        session = UUID()
        try await connection.run { [session] db in
            _ = try db.execute(Statement.openSession.sql, [session, "probe", try Self.queue(db), timeToLive])
        }
    }

    func run<T: Sendable>(_ body: @escaping @Sendable (PostgresConnection) throws -> T) async throws -> T {
        try await connection.run(body)
    }

    func script(_ sql: String) async throws {
        try await run { db in try db.script(sql) }
    }

    func value<T: PostgresDecodable>(
        _ sql: String, _ parameters: [any PostgresEncodable] = [], as type: T.Type = T.self
    ) async throws -> T {
        try await run { db in try db.query(sql, parameters)[0].decode(0, as: type) }
    }

    static func queue(_ db: PostgresConnection) throws -> Int32 {
        try db.query("SELECT app_id FROM nightjar.functions LIMIT 1").first?.decode(0) ?? 0
    }

    // MARK: - What workers and clients do

    @discardableResult
    func send(_ name: String, key: String, id: String? = nil) async throws -> Int64 {
        try await run { db in
            try db.query(
                "INSERT INTO nightjar.events (name, data, id) VALUES ($1, jsonb_build_object('key', $2::text), $3) RETURNING seq",
                [name, key, id])[0].decode(0)
        }
    }

    func claim(limit: Int = 10) async throws -> Claim {
        try await run { [session] db in
            let functions = try db.query("SELECT function_id FROM nightjar.functions").map {
                try $0.decode(0, as: Int32.self)
            }
            return try Claim.make(
                db, queue: try Self.queue(db), functions: functions, session: session, limit: limit, low: .min)
        }
    }

    /// Records commits; answers the runs that were accepted.
    func commit(_ commits: [LeasedCommit]) async throws -> Set<UUID> {
        guard let session = commits.first?.lease.session else { return [] }
        return try await run { db in
            var batch = CommitBatch()
            for commit in commits { try batch.add(commit) }
            return Set(try batch.record(db, session: session).filter { $0.value != .outdated }.keys)
        }
    }

    func recordStep(_ step: String, under lease: Lease) async throws -> Bool {
        try await !commit([LeasedCommit(lease: lease, tenant: 1, steps: [.done(step)], next: .run(.keep))]).isEmpty
    }

    func complete(_ lease: Lease) async throws -> Bool {
        try await !commit([LeasedCommit(lease: lease, tenant: 1, next: .run(.end(.completed(output: "1"))))]).isEmpty
    }

    func park(_ lease: Lease, until date: Date) async throws -> Bool {
        try await !commit([LeasedCommit(lease: lease, tenant: 1, next: .run(.park(until: date, reason: .sleeping)))])
            .isEmpty
    }

    func markDead(_ session: UUID) async throws {
        try await run { db in
            _ = try db.execute("UPDATE nightjar.sessions SET dead = true WHERE session_id = $1", [session])
        }
    }

    @discardableResult
    func reap(deathLimit: Int = 5) async throws -> Int64 {
        try await run { db in try db.query(Statement.reap.sql, [Int32(100), Int32(deathLimit)])[0].decode(0) }
    }

    /// Searches the log for runs that were scheduled, or have conditions.
    func searchNewcomers() async throws {
        try await run { db in
            while try db.query(Statement.searchNewcomers.sql, [Int32(1_000)])[0].decode(0, as: Bool.self) {}
        }
    }

    /// Applies what is pending and not locked.
    func applyPendingOnce() async throws {
        try await run { db in _ = try db.query(Statement.applyPending.sql, [Int32(100), Int32(100), Int64(0)]) }
    }

    /// Applies what is pending until nothing is left to apply.
    func applyPending() async throws {
        for _ in 0..<100 {
            let rows = try await run { db in
                try db.query(Statement.applyPending.sql, [Int32(100), Int32(100), Int64(0)]).count
            }
            let left = try await value("SELECT count(*) FROM nightjar.pending", as: Int64.self)
            if rows <= 1, left == 0 { return }
        }
    }

    // MARK: - What is true

    /// For questions over whole tables: the engine's settings forbid the plans that those need.
    func reporting<T: Sendable>(_ body: @escaping @Sendable (PostgresConnection) throws -> T) async throws -> T {
        try await run { db in
            try db.transaction { db in
                try db.script(
                    """
                    SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on; SET LOCAL enable_seqscan = on;
                    SET LOCAL plan_cache_mode = auto; SET LOCAL statement_timeout = '120s'
                    """)
                return try body(db)
            }
        }
    }

    func status(of run: UUID) async throws -> String {
        try await value("SELECT status FROM nightjar.run_status WHERE run_id = $1", [run])
    }

    func runs(key: String) async throws -> [(id: UUID, seq: Int64, status: String)] {
        try await run { db in
            try db.query(
                """
                SELECT r.run_id, r.event_seq, r.status FROM nightjar.run_status r JOIN nightjar.events e USING (event_id)
                WHERE e.data ->> 'key' = $1 ORDER BY r.event_seq
                """, [key]
            ).map { (try $0.decode(0), try $0.decode(1), try $0.decode(2)) }
        }
    }

    /// What the view `nightjar.invariants` complains of; empty, or the engine is broken.
    func violations() async throws -> [String] {
        try await reporting { db in
            try db.query(
                "SELECT violated || ' ' || coalesce(run_id::text, '') || ' ' || coalesce(detail, '') FROM nightjar.invariants"
            )
            .map { try $0.decode(0, as: String.self) }
        }
    }
}

extension RecordedStep {
    /// A step that returned 1 just now.
    static func done(_ step: String, output: String = "1") -> RecordedStep {
        RecordedStep(step: step, kind: .run, output: output, startedAt: Date(), endedAt: Date())
    }
}

extension Logger {
    /// Says nothing.
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}
