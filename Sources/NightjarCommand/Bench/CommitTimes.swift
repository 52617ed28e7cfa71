import Foundation
import Nightjar

/// When cancelling events were committed, and how long after that the outcomes of their runs were.
struct CommitTimes: Sendable {
    var asked: [Int: Date]
    var toOutcome: [Double]

    /// Nil where the server does not keep the times of commits.
    static func read(_ arena: BenchArena) async throws -> CommitTimes? {
        let session = PostgresSession(arena.database, logger: .quiet)
        let found = try await session.run { db -> CommitTimes? in
            let isKept = try db.query("SELECT current_setting('track_commit_timestamp') = 'on'")[0]
                .decode(0, as: Bool.self)
            guard isKept else { return nil }
            var times = CommitTimes(asked: [:], toOutcome: [])
            let rows = try db.query(
                """
                SELECT (e.data ->> 'n')::int, pg_xact_commit_timestamp(e.xmin),
                       (extract(epoch FROM pg_xact_commit_timestamp(o.xmin) - pg_xact_commit_timestamp(e.xmin)) * 1000)::float8
                FROM nightjar.outcomes o
                JOIN nightjar.functions f ON f.function_id = o.function_id AND f.name = 'endless'
                JOIN nightjar.events e ON e.event_id::text = o.cause ->> 'event_id'
                """)
            for row in rows {
                times.asked[Int(try row.decode(0, as: Int32.self))] = try row.decode(1)
                times.toOutcome.append(try row.decode(2))
            }
            return times
        }
        await session.close()
        return found
    }
}
