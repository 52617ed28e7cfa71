import Foundation
import Nightjar

/// Keeps workers from claiming until all of them are there.
///
/// While they start, the table of live runs is locked: their first claims wait for it, and all begin in one moment, with
/// connections open. Otherwise the first to come would be measured while the others start.
struct BenchBarrier: Sendable {
    private let session: PostgresSession
    private let since: Date

    private let isClosed: Bool

    /// Locks the table; to be done before workers start.
    /// - Parameter isClosed: false where nothing is ready yet: then nobody claims, and workers need only be there.
    init(_ database: PostgresConfiguration, isClosed: Bool = true) async throws {
        self.isClosed = isClosed
        session = PostgresSession(database, logger: .quiet)
        since = try await session.run { db in
            try db.script("SET idle_in_transaction_session_timeout = 0")
            try db.script("BEGIN")
            if isClosed { try db.script("LOCK TABLE nightjar.live IN EXCLUSIVE MODE") }
            return try db.query("SELECT clock_timestamp()")[0].decode(0)
        }
    }

    /// Waits until as many workers have registered, and claim.
    func wait(for workers: Int) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while try await session.run({ [since, isClosed] db in
            try db.query(
                """
                SELECT least((SELECT count(*) FROM nightjar.sessions s WHERE NOT s.dead AND s.started_at >= $1),
                             (SELECT count(DISTINCT l.pid) FROM pg_locks l
                              WHERE l.relation = 'nightjar.live'::regclass AND NOT l.granted AND $2)
                             + CASE WHEN $2 THEN 0 ELSE 1000 END)
                """, [since, isClosed])[0].decode(0, as: Int.self)
        }) < workers {
            guard ContinuousClock.now < end else { throw CommandError(.failure, "the workers do not start") }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    /// Lets them go; answers the moment by the server's clock.
    func open() async throws -> Date {
        try await session.run { db in
            let now: Date = try db.query("SELECT clock_timestamp()")[0].decode(0)
            try db.script("COMMIT")
            return now
        }
    }

    func close() async {
        await session.close()
    }
}
