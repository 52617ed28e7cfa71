import Dispatch
import LocalPostgres
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import PostgresClient

/// Keeps the body of a pool's call from ending.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    /// Blocks a connection's thread, which is what such threads are for.
    func wait() { semaphore.wait() }
    func open() { semaphore.signal() }
}

/// Numbers in the order in which they were appended.
private final class Recorder: Sendable {
    private let state = Mutex<[Int]>([])

    var numbers: [Int] { state.withLock { $0 } }
    func append(_ number: Int) { state.withLock { $0.append(number) } }
}

@Suite("Pools")
struct PostgresPoolTests {
    @Test("callers are served in the order in which they came")
    func firstInFirstOut() async throws {
        try await withPool(.init(size: 1)) { pool async throws in
            let gate = Gate()
            let order = Recorder()
            try await withThrowingTaskGroup { group in
                group.addTask { try await pool.withConnection { _ in gate.wait() } }
                try await expectEventually { pool.slots.waiterCount == 0 && pool.slots.isBusy }
                for number in 0..<20 {
                    group.addTask { try await pool.withConnection { _ in order.append(number) } }
                    try await expectEventually { pool.slots.waiterCount == number + 1 }
                }
                gate.open()
                try await group.waitForAll()
            }
            #expect(order.numbers == Array(0..<20))
        }
    }

    @Test("one waiter too many is told the size and what to do")
    func tooManyWaiters() async throws {
        try await withPool(.init(size: 1, maximumWaiters: 1)) { pool async throws in
            let gate = Gate()
            async let holder: Void = pool.withConnection { _ in gate.wait() }
            try await expectEventually { pool.slots.isBusy }
            async let waiter: Void = pool.withConnection { _ in }
            try await expectEventually { pool.slots.waiterCount == 1 }

            let error = await postgresError { try await pool.withConnection { _ in } }

            #expect(error?.code == .poolExhausted)
            #expect(error?.message == "all 1 connections of the pool are in use and 1 callers wait already")
            #expect(error?.hint?.contains("maximumWaiters") == true)
            gate.open()
            try await holder
            try await waiter
        }
    }

    @Test("nobody waits longer than allowed")
    func waiterTimeout() async throws {
        try await withPool(.init(size: 1, waiterTimeout: .milliseconds(30))) { pool async throws in
            let gate = Gate()
            async let holder: Void = pool.withConnection { _ in gate.wait() }
            try await expectEventually { pool.slots.isBusy }

            let error = await postgresError { try await pool.withConnection { _ in } }

            #expect(error?.code == .poolExhausted)
            gate.open()
            try await holder
        }
    }

    @Test("a cancelled waiter leaves at once and disturbs nobody")
    func cancelledWaiter() async throws {
        try await withPool(.init(size: 1)) { pool async throws in
            let gate = Gate()
            async let holder: Void = pool.withConnection { _ in gate.wait() }
            try await expectEventually { pool.slots.isBusy }
            let cancelled = Task { try await pool.withConnection { _ in } }
            try await expectEventually { pool.slots.waiterCount == 1 }
            async let patient = pool.withConnection { _ in "served" }
            try await expectEventually { pool.slots.waiterCount == 2 }

            cancelled.cancel()

            await #expect(throws: CancellationError.self) { try await cancelled.value }
            #expect(pool.slots.waiterCount == 1)
            gate.open()
            try await holder
            #expect(try await patient == "served")
        }
    }

    @Test("a connection that was terminated while idle is replaced unnoticed")
    func terminatedIdle() async throws {
        try await withSession { session async throws in
            try await withPool(.init(size: 1)) { pool async throws in
                let before = try await pool.withConnection { $0.backendPID }
                try await session.run { db in
                    _ = try db.query("select pg_terminate_backend($1::int, 10000)", [before])
                }
                let after = try await pool.withConnection { db in
                    try db.query("select 1")
                    return db.backendPID
                }
                #expect(after != before)
            }
        }
    }

    @Test("a connection that is terminated at work fails its caller only")
    func terminatedBusy() async throws {
        try await withSession { session async throws in
            try await withPool(.init(size: 1)) { pool async throws in
                async let victim = postgresError { try await pool.execute("select pg_sleep(600), 'terminatedBusy'") }
                #expect(try await isExecuting("'terminatedBusy'", as: session))
                try await session.run { db in
                    try db.execute(
                        """
                        select pg_terminate_backend(pid) from pg_stat_activity
                        where query like '%''terminatedBusy''%' and pid <> pg_backend_pid()
                        """)
                }
                let error = await victim
                #expect(error?.code == .connectionLost)
                #expect(error?.sqlState == .adminShutdown)
                #expect(error?.isRetryable == true)
                try await expectEqual(pool.query("select 1") { try $0.decode(0, as: Int.self) }, [1])
            }
        }
    }

    @Test("a transaction that is left open is rolled back and reported")
    func openTransaction() async throws {
        try await withPool(.init(size: 1)) { pool async throws in
            let error = await postgresError { try await pool.withConnection { try $0.script("begin") } }
            #expect(error?.code == .usage)
            try await expectEqual(pool.withConnection { $0.isInTransaction }, false)
        }
    }

    @Test("what a body sets for the session is undone, what is local is left alone")
    func sessionState() async throws {
        try await withPool(.init(size: 1)) { pool async throws in
            let prepared = try await pool.withConnection { db in
                try db.query("set work_mem = '123kB'")
                try db.script("listen something; set role postgres; select pg_advisory_lock(1)")
                try db.batch([PostgresStatement("set statement_timeout = '7s'")])
                return db.statements.count
            }
            try await pool.transaction { db throws in
                #expect(try db.value("show work_mem") != "123kB")
                #expect(try db.value("show statement_timeout") == "1min")
                #expect(try db.query("select pg_listening_channels()").isEmpty)
                #expect(
                    try db.value("select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()")
                        == 0)
                #expect(db.statements.count == prepared + 4)
                try db.query("set local work_mem = '123kB'")
                #expect(!db.sessionWasChanged)
            }
        }
    }

    @Test("conflicts are retried as often as allowed, other failures never")
    func retries() async throws {
        try await withPool { pool async throws in
            func attempts(state: String, failing: Int, retries: Int) async -> (Int, PostgresError?) {
                let count = Mutex(0)
                let error = await postgresError {
                    try await pool.transaction(retries: retries) { db in
                        let number = count.withLock { count in
                            count += 1
                            return count
                        }
                        guard number <= failing else { return }
                        try db.script("do $$ begin raise 'x' using errcode = '\(state)'; end $$")
                    }
                }
                return (count.withLock { $0 }, error)
            }
            let conflict = await attempts(state: "40001", failing: 2, retries: 2)
            #expect(conflict.0 == 3)
            #expect(conflict.1 == nil)
            let deadlock = await attempts(state: "40P01", failing: 1, retries: 5)
            #expect(deadlock.0 == 2)
            #expect(deadlock.1 == nil)
            let exhausted = await attempts(state: "40001", failing: 9, retries: 1)
            #expect(exhausted.0 == 2)
            #expect(exhausted.1?.sqlState == .serializationFailure)
            let other = await attempts(state: "23505", failing: 1, retries: 5)
            #expect(other.0 == 1)
            #expect(other.1?.sqlState == .uniqueViolation)
            let none = await attempts(state: "40001", failing: 1, retries: 0)
            #expect(none.0 == 1)
        }
    }

    @Test("closing waits for bodies, refuses callers and ends the connections")
    func closing() async throws {
        let pool = PostgresPool(try await TestServer.configuration(), configuration: .init(size: 2), logger: .silent)
        let gate = Gate()
        async let running = pool.withConnection { db in
            gate.wait()
            return db.backendPID
        }
        try await expectEventually { pool.slots.isBusy }
        async let closed: Void = pool.close()
        try await expectEventually { pool.slots.isClosed }

        await expectEqual(postgresError { try await pool.withConnection { _ in } }?.code, .poolClosed)
        gate.open()
        let process = try await running
        await closed
        try await withSession { session async throws in
            #expect(
                try await eventually {
                    try await session.run { db in
                        try db.query("select from pg_stat_activity where pid = $1", [process]).isEmpty
                    }
                })
        }
        await pool.close()
    }

    @Test("as a service the pool closes when its task is cancelled")
    func service() async throws {
        let pool = PostgresPool(try await TestServer.configuration(), logger: .silent)
        try await pool.execute("select 1")
        let service = Task { try await pool.run() }
        service.cancel()
        try await service.value
        await expectEqual(postgresError { try await pool.execute("select 1") }?.code, .poolClosed)
    }

    @Test("who cannot connect because of what they are is told at once")
    func refusedUser() async throws {
        var configuration = try await TestServer.configuration()
        configuration.keywords["dbname"] = "nowhere"
        let pool = PostgresPool(configuration, logger: .silent)
        let error = await postgresError { try await pool.execute("select 1") }
        #expect(error?.code == .connectionFailed)
        #expect(error?.sqlState == .unknownDatabase)
        #expect(error?.message.contains("\"nowhere\" does not exist") == true)
        #expect(error?.message.contains("postinit.c") == false)
        await pool.close()
    }

    @Test("a server that is down is tried again until the time is over")
    func serverDown() async throws {
        let pool = PostgresPool(
            PostgresConfiguration(keywords: ["host": "/nonexistent", "user": "u", "dbname": "d"]),
            configuration: .init(waiterTimeout: .milliseconds(200), reconnectDelay: .milliseconds(1)), logger: .silent)
        let error = await postgresError { try await pool.execute("select 1") }
        #expect(error?.code == .connectionFailed)
        #expect(error?.isRetryable == true)
        await pool.close()
    }

    @Test("a pool survives a crash of the server")
    func crash() async throws {
        let server = try await LocalPostgres.throwAway(logger: .silent)
        let pool = PostgresPool(server.configuration(), configuration: .init(size: 2), logger: .silent)
        try await pool.execute("create table kept (x int)")
        try await pool.execute("insert into kept values (1)")
        let first = server.processID

        try await server.restart(mode: .immediate)

        #expect(server.processID != first)
        try await expectEqual(pool.query("select x from kept") { try $0.decode(0, as: Int.self) }, [1])
        await pool.close()
        try await server.stop()
    }
}
