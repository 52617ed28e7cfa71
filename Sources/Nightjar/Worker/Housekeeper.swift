package import Logging
package import PostgresClient

/// What somebody has to do now and then, whoever it is: partitions made ahead and dropped, ids of yesterday forgotten, what was
/// to be erased erased, what runs did added to the figures of reports.
package struct Housekeeper: Sendable {
    let pool: PostgresPool
    let retention: Retention
    let logger: Logger
    var interval = Duration.seconds(60)

    package init(pool: PostgresPool, database: PostgresConfiguration, logger: Logger) {
        self.pool = pool
        self.logger = logger
        retention = Retention(database: database, logger: logger)
    }

    /// Keeps house until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await tidyUp() }
            group.addTask { await rollUp() }
        }
    }

    private func tidyUp() async {
        var nextPartitions = ContinuousClock.now
        while !Task.isCancelled {
            var pause = interval
            do {
                if ContinuousClock.now >= nextPartitions {
                    try await makePartitions()
                    nextPartitions = .now + (await dropPartitions() ? .seconds(3_600) : .seconds(300))
                }
                // What is too old is forgotten a little later where there was nothing.
                let forgotten = try await forget()
                let deleted = try await delete()
                if forgotten + deleted == 0 { pause = interval * 10 }
            } catch is CancellationError {
                return
            } catch {
                logger.notice("housekeeping is put off", metadata: [LogKey.error: "\(error)"])
            }
            try? await Task.sleep(for: pause * Double.random(in: 0.8...1.2))
        }
    }

    /// Adds what was written to the roll-ups, over and over. Whoever comes while another worker is at it leaves it to that.
    private func rollUp() async {
        let chunk: Int32 = 20_000
        while !Task.isCancelled {
            var moved = false
            do {
                // The first call finds out how far it may count; the others do.
                var calls = 0
                var counted = Int64(chunk)
                while calls < 2 || counted >= chunk, !Task.isCancelled {
                    let start = ContinuousClock.now
                    counted = try await pool.withConnection { db in
                        try db.query(Statement.rollUp.sql, [chunk])[0].decode(0)
                    }
                    // Where much is to be caught up with, runs come first.
                    if counted >= chunk { try await Task.sleep(for: (ContinuousClock.now - start) * 3) }
                    calls += 1
                    if counted > 0 { moved = true }
                }
            } catch is CancellationError {
                return
            } catch {
                logger.notice("roll-ups are put off", metadata: [LogKey.error: "\(error)"])
            }
            try? await Task.sleep(for: interval * Double.random(in: 0.8...1.2) / (moved ? 4 : 1))
        }
    }

    /// Makes the logs' partitions of the next weeks.
    package func makePartitions() async throws {
        let made = try await pool.withConnection { db in
            try db.query("SELECT nightjar.make_partitions()")[0].decode(0, as: Int32.self)
        }
        if made > 0 { logger.info("partitions made ahead", metadata: [LogKey.count: "\(made)"]) }
    }

    /// Drops the weeks that nobody wants any more. What goes wrong with them keeps nobody from the rest. False: something is to be
    /// tried again soon.
    private func dropPartitions() async -> Bool {
        do {
            return try await retention.apply(all: false)?.allSatisfy { $0.outcome.reason == nil } ?? true
        } catch {
            logger.notice("weeks of logs are dropped later", metadata: [LogKey.error: "\(error)"])
            return false
        }
    }

    /// Deletes rows: what is to be erased, what tenants with shorter policies want no more, leftovers. In chunks with a pause
    /// after each as long as it took, so that it never takes more than half of a connection. What goes wrong with one of them keeps
    /// nobody from the others. Answers how many chunks there were.
    private func delete() async throws -> Int {
        // One that waits for something is passed over for some seconds.
        let erased = try await repeated { db in try Erasure.advance(db, nil) != nil }
        let swept = try await repeated { db in try db.query(Statement.sweep.sql, [Int32(2_000)])[0].decode("more") }
        let tidied = try await repeated { db in
            try db.query(Statement.tidy.sql, [Int32(1_000)])[0].decode(0, as: Int32.self) >= 1_000
        }
        return erased + swept + tidied
    }

    /// Does it for as long as there is more of it. Answers how often there was.
    private func repeated(_ body: @Sendable (PostgresConnection) throws -> Bool) async throws -> Int {
        var chunks = 0
        do {
            while try await rested(body) { chunks += 1 }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            logger.notice("rows are deleted later", metadata: [LogKey.error: "\(error)"])
        }
        return chunks
    }

    private func rested(_ body: @Sendable (PostgresConnection) throws -> Bool) async throws -> Bool {
        let start = ContinuousClock.now
        let result = try await pool.withConnection(body)
        if result { try await Task.sleep(for: ContinuousClock.now - start) }
        return result
    }

    /// Says how many ids and sessions it forgot.
    private func forget() async throws -> Int {
        let batch = 5_000
        var total = 0
        var last = batch
        while last == batch {
            last = try await pool.withConnection { db in try db.execute(Statement.forgetIDs.sql, [Int32(batch)]) }
            total += last
        }
        return try await total + pool.withConnection { db in try db.execute(Statement.forgetSessions.sql) }
    }
}
