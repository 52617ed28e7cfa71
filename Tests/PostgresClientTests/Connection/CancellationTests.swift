import Logging
import PostgresClient
import Testing

@Suite("Cancelling statements")
struct CancellationTests {
    @Test("a cancelled task ends its statement, and the connection stays")
    func cancelledStatement() async throws {
        try await withSession { observer in
            try await withSession { session in
                let before = try await session.run { $0.backendPID }
                let task = Task {
                    try await session.run { db in _ = try db.query("select pg_sleep(600), 'cancelledStatement'") }
                }
                #expect(try await isExecuting("'cancelledStatement'", as: observer))
                task.cancel()

                await #expect(throws: CancellationError.self) { try await task.value }
                let after = try await session.run { $0.backendPID }
                #expect(after == before)
            }
        }
    }

    @Test("a cancelled transaction is rolled back, and no further statement is sent")
    func cancelledTransaction() async throws {
        try await withSession { observer in
            try await withSession { session in
                try await session.withTable { _ in }
                let task = Task {
                    try await session.run { db in
                        try db.transaction { db in
                            try db.execute("insert into t values (1)")
                            let first = postgresError { try db.query("select pg_sleep(600), 'cancelledTransaction'") }
                            #expect(first?.code == .cancelled)
                            expectEqual(postgresError { try db.execute("insert into t values (2)") }?.code, .cancelled)
                        }
                    }
                }
                #expect(try await isExecuting("'cancelledTransaction'", as: observer))
                task.cancel()

                let result = await task.result
                #expect(throws: (any Error).self) { try result.get() }
                let count = try await session.run { db in try db.value("select count(*) from t", as: Int.self) }
                #expect(count == 0)
            }
        }
    }

    @Test("a cancelled batch is undone")
    func cancelledBatch() async throws {
        try await withSession { observer in
            try await withSession { session in
                try await session.withTable { _ in }
                let task = Task {
                    try await session.run { db in
                        try db.batch([
                            PostgresStatement("insert into t values (1)"),
                            PostgresStatement("select pg_sleep(600), 'cancelledBatch'"),
                            PostgresStatement("insert into t values (2)"),
                        ])
                    }
                }
                #expect(try await isExecuting("'cancelledBatch'", as: observer))
                task.cancel()

                await #expect(throws: CancellationError.self) { try await task.value }
                let count = try await session.run { db in try db.value("select count(*) from t", as: Int.self) }
                #expect(count == 0)
            }
        }
    }

    @Test("a task that is cancelled already does not run its body")
    func cancelledBefore() async throws {
        try await withPool { pool async throws in
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try await pool.withConnection { _ in Issue.record("the body ran") }
            }
            await #expect(throws: CancellationError.self) { try await task.value }
        }
    }

    @Test("a statement that takes too long is no cancellation")
    func timeOut() async throws {
        try await withSession({ $0.settings["statement_timeout"] = "20ms" }) { session in
            let error = await postgresError { try await session.run { try $0.execute("select pg_sleep(600)") } }
            #expect(error?.code == .server)
            #expect(error?.sqlState == .queryCanceled)
        }
    }

    @Test("a late cancellation never hits the next user of the connection")
    func lateCancellation() async throws {
        try await withPool(.init(size: 1)) { pool async throws in
            let before = try await pool.withConnection { $0.backendPID }
            for round in 0..<400 {
                let victim = Task {
                    try await pool.withConnection { db in
                        for _ in 0...(round % 7) { try db.query("select pg_sleep(0.0001)") }
                    }
                }
                async let next = pool.withConnection { db in
                    try db.query("select pg_sleep(0.0005)").count + db.query("select 1").count
                }
                for _ in 0..<(round % 50) * 20 { await Task.yield() }
                victim.cancel()
                #expect(try await next == 2)
                if case .failure(let error) = await victim.result { #expect(error is CancellationError) }
            }
            try await expectEqual(pool.withConnection { $0.backendPID }, before)
        }
    }

    @Test("waiting for a lock ends with the task")
    func cancelledLock() async throws {
        try await withSession { observer in
            try await observer.run { try $0.script("select pg_advisory_lock(4711)") }
            try await withPool { pool async throws in
                let task = Task { try await pool.execute("select pg_advisory_lock(4711), 'cancelledLock'") }
                #expect(try await isExecuting("'cancelledLock'", as: observer))
                task.cancel()
                await #expect(throws: CancellationError.self) { try await task.value }
            }
        }
    }
}
