package import Logging
package import PostgresClient

/// What somebody has to do now and then, whoever it is: partitions made ahead, ids of yesterday forgotten.
package struct Housekeeper: Sendable {
    let pool: PostgresPool
    let logger: Logger
    var interval = Duration.seconds(60)

    package init(pool: PostgresPool, logger: Logger) {
        self.pool = pool
        self.logger = logger
    }

    /// Keeps house until the task is cancelled.
    package func run() async {
        var nextPartitions = ContinuousClock.now
        while !Task.isCancelled {
            var pause = interval
            do {
                if ContinuousClock.now >= nextPartitions {
                    try await makePartitions()
                    nextPartitions = .now + .seconds(3_600)
                }
                // What is too old is forgotten a little later where there was nothing.
                if try await forget() == 0 { pause = interval * 10 }
            } catch is CancellationError {
                return
            } catch {
                logger.notice("housekeeping is put off", metadata: [LogKey.error: "\(error)"])
            }
            try? await Task.sleep(for: pause * Double.random(in: 0.8...1.2))
        }
    }

    /// Makes the logs' partitions of the next weeks.
    package func makePartitions() async throws {
        let made = try await pool.withConnection { db in
            try db.query("SELECT nightjar.make_partitions()")[0].decode(0, as: Int32.self)
        }
        if made > 0 { logger.info("partitions made ahead", metadata: [LogKey.count: "\(made)"]) }
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
