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
            do {
                if ContinuousClock.now >= nextPartitions {
                    try await makePartitions()
                    nextPartitions = .now + .seconds(3_600)
                }
                try await forget()
            } catch is CancellationError {
                return
            } catch {
                logger.notice("housekeeping is put off", metadata: [LogKey.error: "\(error)"])
            }
            try? await Task.sleep(for: interval * Double.random(in: 0.8...1.2))
        }
    }

    /// Makes the logs' partitions of the next weeks.
    package func makePartitions() async throws {
        let made = try await pool.withConnection { db in
            try db.query("SELECT nightjar.make_partitions()")[0].decode(0, as: Int32.self)
        }
        if made > 0 { logger.info("partitions made ahead", metadata: [LogKey.count: "\(made)"]) }
    }

    private func forget() async throws {
        let batch: Int32 = 5_000
        while try await pool.withConnection({ db in try db.execute(Statement.forgetIDs.sql, [batch]) }) == Int(batch) {}
        _ = try await pool.withConnection { db in try db.execute(Statement.forgetSessions.sql) }
    }
}
