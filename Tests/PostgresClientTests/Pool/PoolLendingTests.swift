import Logging
import Synchronization
import Testing

@testable import PostgresClient

struct PoolLendingTests {
    @Test("A connection has the settings of who borrows it, and none of who had it before")
    func lending() async throws {
        let wanted = Mutex<[String: String]>([:])
        var settings = PostgresPool.Configuration(size: 1)
        settings.lending = { wanted.withLock { $0 } }
        var configuration = try await TestServer.configuration()
        configuration.settings["test.kept"] = "start"
        let pool = PostgresPool(configuration, configuration: settings, logger: .silent)
        let seen = { @Sendable (lent: [String: String], body: @Sendable (PostgresConnection) throws -> Void) in
            wanted.withLock { $0 = lent }
            return try await pool.withConnection { db in
                let values = try db.query(
                    "SELECT coalesce(current_setting('test.a', true), ''), coalesce(current_setting('test.kept', true), '')"
                )[0]
                try body(db)
                return "\(try values.decode(0, as: String.self))|\(try values.decode(1, as: String.self))"
            }
        }
        // Closures inside of #expect may be taken for one another.
        let nothing = { @Sendable (_: PostgresConnection) throws in }
        let setting = { @Sendable (db: PostgresConnection) throws in _ = try db.execute("SET test.a = 'mine'") }
        let seen1 = try await seen([:], nothing)
        #expect(seen1 == "|start")
        let seen2 = try await seen(["test.a": "1"], nothing)
        #expect(seen2 == "1|start")
        let seen3 = try await seen(["test.a": "1"], nothing)
        #expect(seen3 == "1|start")
        let seen4 = try await seen(["test.a": "it's", "test.kept": "other"], nothing)
        #expect(seen4 == "it's|other")
        let seen5 = try await seen([:], nothing)
        #expect(seen5 == "|start", "back to what it was opened with")
        // What a body sets, or leaves in a transaction that fails, is undone as ever, and that is known.
        let seen6 = try await seen(["test.a": "2"], setting)
        #expect(seen6 == "2|start")
        let seen7 = try await seen(["test.a": "2"], nothing)
        #expect(seen7 == "2|start")
        await #expect(throws: PostgresError.self) {
            try await seen(["test.a": "3"]) { db in
                try db.transaction { db in
                    try db.query("SELECT set_config('test.a', 'mine', true)")
                    try db.execute("SELECT 1/0")
                }
            }
        }
        let seen8 = try await seen(["test.a": "3"], nothing)
        #expect(seen8 == "3|start")
        // Settings that cannot be given: the body is not called, and the connection is not used again.
        let isCalled = Mutex(false)
        wanted.withLock { $0 = ["test.a": "4", "lock_timeout": "nonsense"] }
        await #expect(throws: PostgresError.self) {
            try await pool.withConnection { _ in isCalled.withLock { $0 = true } }
        }
        #expect(!isCalled.withLock { $0 })
        let seen9 = try await seen([:], nothing)
        #expect(seen9 == "|start")
        await pool.close()
    }
}
