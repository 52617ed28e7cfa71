import LocalPostgres
import Logging
import PostgresClient
import Testing

private struct Failure: Error {}

@Suite("Transactions")
struct TransactionTests {
    @Test("a body that returns is committed, one that throws is rolled back")
    func commitAndRollback() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                let value = try db.transaction { db in
                    #expect(db.isInTransaction)
                    try db.execute("insert into t values (1)")
                    return "kept"
                }
                #expect(value == "kept")
                #expect(throws: Failure.self) {
                    try db.transaction { db in
                        try db.execute("insert into t values (2)")
                        throw Failure()
                    }
                }
                #expect(!db.isInTransaction)
                try expectEqual(db.query("select id from t").map { try $0.decode(0, as: Int.self) }, [1])
            }
        }
    }

    @Test("an inner transaction is undone alone")
    func savepoints() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                try db.transaction { db in
                    try db.execute("insert into t values (1)")
                    let inner = postgresError {
                        try db.transaction { db in
                            try db.execute("insert into t values (2)")
                            try db.transaction { db in try db.execute("insert into t values (3)") }
                            try db.execute("insert into t values (1)")
                        }
                    }
                    #expect(inner?.sqlState == .uniqueViolation)
                    try db.transaction { db in try db.execute("insert into t values (4)") }
                }
                try expectEqual(
                    db.query("select id from t order by id").map { try $0.decode(0, as: Int.self) }, [1, 4])
            }
        }
    }

    @Test("a failure that the body ignores keeps the transaction from being committed")
    func ignoredFailure() async throws {
        try await withSession { session in
            try await session.withTable { db throws in
                let outer = postgresError {
                    try db.transaction { db in
                        try db.execute("insert into t values (1)")
                        _ = try? db.execute("insert into t values (1)")
                    }
                }
                #expect(outer?.code == .transactionAborted)
                let nested = postgresError {
                    try db.transaction { db in
                        try db.transaction { db in _ = try? db.query("select nonsense") }
                    }
                }
                #expect(nested?.code == .transactionAborted)
                #expect(!db.isInTransaction)
                #expect(try db.value("select count(*) from t") == 0)
            }
        }
    }

    @Test("a body may not end its transaction by itself")
    func endedByBody() async throws {
        try await withSession { session in
            try await session.run { db throws in
                expectEqual(postgresError { try db.transaction { try $0.script("commit") } }?.code, .usage)
                #expect(!db.isInTransaction)
            }
        }
    }

    @Test("isolation and access mode reach the server", arguments: PostgresIsolation.allCases)
    func isolation(isolation: PostgresIsolation) async throws {
        try await withPool { pool in
            let level = try await pool.transaction(isolation: isolation) { db in
                try db.value("show transaction_isolation", as: String.self)
            }
            #expect(level == isolation.rawValue.lowercased())
        }
    }

    @Test("a read-only transaction refuses to write, and a nested one cannot have modes")
    func readOnly() async throws {
        try await withSession { session in
            try await session.run { db throws in
                let writing = postgresError {
                    try db.transaction(readOnly: true) { try $0.execute("create table never ()") }
                }
                #expect(writing?.sqlState == .readOnlyTransaction)
                let nested = postgresError {
                    try db.transaction { db in try db.transaction(isolation: .serializable) { _ in } }
                }
                #expect(nested?.code == .usage)
            }
        }
    }

    @Test("a constraint that is checked at the commit fails the transaction")
    func deferredConstraint() async throws {
        try await withSession { session in
            try await session.run { db throws in
                try db.script("create temporary table d (id int unique deferrable initially deferred)")
                let error = postgresError {
                    try db.transaction { try $0.execute("insert into d values (1), (1)") }
                }
                #expect(error?.sqlState == .uniqueViolation)
                #expect(!db.isInTransaction)
            }
        }
    }

    @Test("a session keeps a transaction open from call to call")
    func openTransaction() async throws {
        try await withSession { session in
            try await session.withTable { try $0.script("begin; insert into t values (1)") }
            let isOpen = try await session.run { $0.isInTransaction }
            #expect(isOpen)
            let count = try await session.run { db throws in
                try db.script("rollback")
                return try db.value("select count(*) from t", as: Int.self)
            }
            #expect(count == 0)
        }
    }

    @Test("a connection that breaks during the commit leaves its outcome open, and nothing is tried again")
    func lostCommit() async throws {
        let server = try await TestServer.running
        let proxy = try FreezableProxy(target: try #require(server.loopbackPort))
        defer { proxy.stop() }
        let pool = PostgresPool(try await tcpConfiguration(port: proxy.port), logger: .silent)
        let attempts = Counter()

        let error = await postgresError {
            try await pool.transaction(retries: 5) { db in
                attempts.increment()
                try db.query("select 1")
                proxy.freeze()
                proxy.thaw()
            }
        }

        #expect(error?.code == .commitOutcomeUnknown)
        #expect(error?.isRetryable == false)
        #expect(attempts.value == 1)
        try await pool.execute("select 1")
        await pool.close()
    }

    @Test("a session that loses its open transaction says so once before it goes on")
    func lostTransaction() async throws {
        try await withSession { killer in
            try await withSession { session in
                let process = try await session.run { db in
                    try db.script("begin")
                    return db.backendPID
                }
                try await killer.run { db in _ = try db.query("select pg_terminate_backend($1::int, 10000)", [process])
                }

                let error = await postgresError { try await session.run { try $0.script("insert into t values (1)") } }

                #expect(error?.code == .connectionLost)
                let isOpen = try await session.run { $0.isInTransaction }
                #expect(!isOpen)
            }
        }
    }
}
