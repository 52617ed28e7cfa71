import PostgresClient
import TestSupport

/// Asks again until the answer is yes, for at most a minute; answers whether it became so.
func eventually(_ isTrue: () async throws -> Bool) async throws -> Bool {
    do {
        try await Waiting.until("", within: .seconds(60), isTrue)
        return true
    } catch is Waiting.TimedOut {
        return false
    }
}

/// Whether a statement containing a text is being executed, or waits, on the shared server.
func isExecuting(_ text: String, as observer: PostgresSession) async throws -> Bool {
    try await eventually {
        try await observer.run { db in
            try db.value(
                """
                select exists (
                    select from pg_stat_activity
                    where state = 'active' and position($1 in query) > 0 and pid <> pg_backend_pid())
                """, [text])
        }
    }
}

/// The error that `body` throws.
func postgresError(_ body: () async throws -> some Any) async -> PostgresError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? PostgresError
    }
}

/// The error that `body` throws.
func postgresError(_ body: () throws -> some Any) -> PostgresError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error as? PostgresError
    }
}
