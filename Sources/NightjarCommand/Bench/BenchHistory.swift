import Foundation
import Nightjar

/// Weeks in the life of many tenants, made by SQL in the state in which workers would have left them, and counted.
///
/// Runs are spread evenly over the time and unevenly over 118 functions of 50 tenants; 3 % each fail and are cancelled, one of
/// twenty sleeps, one of a hundred events is large. Five millions take some ten minutes.
struct BenchHistory: Sendable {
    let arena: BenchArena
    /// How many runs have ended at the end.
    let finished: Int
    let unfinished: Int
    let days: Int

    private var count: Int { finished + unfinished }
    /// One of so many runs has not ended.
    private var share: Int { max(2, count / max(1, unfinished)) }

    /// Makes it up to the present.
    func make() async throws {
        let session = PostgresSession(arena.database, logger: .quiet)
        try await session.run { db in
            try db.script(
                "SET statement_timeout = 0; SET jit = off; SET work_mem = '256MB'; SET maintenance_work_mem = '512MB'")
            try Self.untouched(db) { db in try db.script(Self.identity) }
            let start = try Self.now(db, "- interval '\(days) days'")
            var end = try Self.now(db)
            try Self.untouched(db) { db in
                try db.script(Self.story(from: start, to: end, first: 0, count: count, share: share))
            }
            try Self.count(db)
            // What would have happened meanwhile: questions are about the last hour, and minutes.
            let began = end
            end = try Self.now(db)
            let missing = try db.query(
                """
                SELECT greatest(1, (extract(epoch FROM $1::timestamptz - $2::timestamptz) * $4
                                    / extract(epoch FROM $2::timestamptz - $3::timestamptz))::int)
                """, [end, began, start, count])[0].decode(0, as: Int.self)
            try Self.untouched(db) { db in
                try db.script(Self.story(from: began, to: end, first: count, count: missing, share: share))
            }
            try Self.count(db)
            try db.script("VACUUM ANALYZE")
        }
        await session.close()
    }

    /// What single questions are to be about.
    func subject() async throws -> BenchSubject {
        let session = PostgresSession(arena.database, logger: .quiet)
        let subject = try await session.run { db in
            func one(_ sql: String) throws -> String {
                guard let row = try db.query(sql).first else {
                    throw CommandError(.failure, "too few runs were made; ask for more with --finished")
                }
                return try row.decode(0)
            }
            let run = try one(
                "SELECT run_id::text FROM nightjar.outcomes WHERE status = 1 OFFSET \(finished / 2) LIMIT 1")
            func latest(_ status: Int) throws -> String {
                try one(
                    """
                    SELECT run_id::text FROM nightjar.outcomes WHERE status <> 1 AND status = \(status)
                    ORDER BY ended_at DESC LIMIT 1
                    """)
            }
            return BenchSubject(
                run: run, event: try one("SELECT event_id::text FROM nightjar.runs WHERE run_id = '\(run)'"),
                failed: try latest(2), cancelled: try latest(3),
                unfinished: try one("SELECT run_id::text FROM nightjar.waits LIMIT 1"), function: "job-40",
                tenant: "tenant-7")
        }
        await session.close()
        return subject
    }

    private static func now(_ db: PostgresConnection, _ shift: String = "") throws -> String {
        try db.query("SELECT (clock_timestamp() \(shift))::text")[0].decode(0)
    }

    /// Without the triggers: what they would write is written by the script.
    private static func untouched(_ db: PostgresConnection, _ body: (PostgresConnection) throws -> Void) throws {
        try db.transaction { db in
            try BenchSeed.switchTriggers("DISABLE", db)
            try body(db)
            try BenchSeed.switchTriggers("ENABLE", db)
        }
    }

    /// Adds all of it to the roll-ups. A number is counted when it is safe, so nothing is said twice before it is believed.
    private static func count(_ db: PostgresConnection) throws {
        var quiet = 0
        while quiet < 3 {
            let counted = try db.query("SELECT nightjar_report.roll_up(20000)")[0].decode(0, as: Int64.self)
            quiet = counted == 0 ? quiet + 1 : 0
        }
    }
}
