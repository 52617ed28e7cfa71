import PostgresClient

/// Asks again and again until the answer is yes, at most for some seconds.
///
/// For things that are shown but not announced. The pause between the questions leaves the processor to what is
/// waited for.
func eventually(_ isTrue: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < deadline {
        if try await isTrue() { return true }
        try await Task.sleep(for: .milliseconds(2))
    }
    return false
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
