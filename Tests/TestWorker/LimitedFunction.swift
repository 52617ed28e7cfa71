import Foundation
import Logging
import Nightjar

struct LimitedWork: EventData {
    static let eventName = "test/limited"
    var number: Int
    var key: Int
}

/// A function of which five runs may execute for each key; its steps write down how many they saw executing.
///
/// A body is known by a lock of a session of its own, which goes with the process, however that ends. It does not react to its
/// cancellation: the run is over, and the body is not.
enum LimitedFunction {
    static let limit = 5

    static func function(_ name: String, _ pool: PostgresPool) -> FunctionDefinition {
        Function("limited", on: LimitedWork.self)
            .retries(RetryPolicy(maxRetries: 5, backoff: .constant(.milliseconds(20)), jitter: .zero))
            .cancelOn(Stop.self, match: \.number)
            .concurrency(limit, key: \.key)
            .run { event, step in
                let (key, number) = (event.data.key, event.data.number)
                try await step.run("first") { try await occupy(key, number, name, pool) }
                try await step.sleep("pause", for: .milliseconds(30))
                try await step.run("second") {
                    try await occupy(key, number, name, pool)
                    if number % 5 == 0, StepContext.current?.attempt == 1 { throw Again() }
                }
            }
    }

    struct Again: Error {}

    private static func occupy(_ key: Int, _ number: Int, _ name: String, _ pool: PostgresPool) async throws {
        try await Task {
            try await pool.withConnection { db in
                try db.query("SELECT pg_advisory_lock_shared(77, $1)", [Int32(key)])
                defer { _ = try? db.query("SELECT pg_advisory_unlock_shared(77, $1)", [Int32(key)]) }
                try db.execute(
                    """
                    INSERT INTO occupied (key, number, process, executing)
                    SELECT $1::int, $2, $3, count(*) FROM pg_locks
                    WHERE locktype = 'advisory' AND classid = 77 AND objid = $1::int AND granted
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                    """, [Int32(key), Int32(number), name])
                try db.query("SELECT pg_sleep(0.01 + 0.03 * random())")
            }
        }.value
    }
}
