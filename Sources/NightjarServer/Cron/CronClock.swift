internal import Foundation
internal import Logging
internal import Nightjar
internal import PostgresClient

/// Starts functions by the clock. Any number of these may run: each tick starts one run.
///
/// Of the ticks that passed while nothing ran, the last one is made up for.
struct CronClock: Sendable {
    let pool: PostgresPool
    let changes: AppChanges
    let logger: Logger

    private struct Entry {
        var function: Int32
        var cron: String
        var jitter: Int64
        var lastAt: Date
    }

    /// Works until the task is cancelled or the changes are stopped.
    func run() async {
        while !Task.isCancelled, !changes.areStopped {
            var pause = Duration.seconds(10)
            do {
                if let next = try await look() { pause = min(pause, .seconds(max(next, 0.001))) }
            } catch {
                logger.warning("functions start by the clock later", metadata: ["error": "\(error)"])
            }
            await changes.waitForClock(atMost: pause)
        }
    }

    /// Starts what is due; answers in how many seconds the next is.
    private func look() async throws -> TimeInterval? {
        let (entries, now) = try await pool.withConnection { db -> ([Entry], Date) in
            let rows = try db.query(Statement.crons.sql)
            let entries = try rows.map {
                Entry(
                    function: try $0.decode("function_id"), cron: try $0.decode("cron"),
                    jitter: try $0.decode("jitter_ms"), lastAt: try $0.decode("last_at"))
            }
            return (entries, try rows.first?.decode("now") ?? Date())
        }
        var soonest: TimeInterval?
        for entry in entries {
            guard let expression = try? CronExpression(entry.cron) else { continue }
            var due: Date?
            var next = expression.next(after: entry.lastAt)
            var missed = 0
            while let tick = next, tick <= now {
                due = tick
                missed += 1
                // After a long time without any worker: only the last of them counts.
                next = expression.next(after: missed == 1_000 ? max(tick, now.addingTimeInterval(-3_600)) : tick)
            }
            if let due { try await start(entry, at: due) }
            if let next { soonest = min(soonest ?? .infinity, next.timeIntervalSince(now)) }
        }
        return soonest
    }

    private func start(_ entry: Entry, at tick: Date) async throws {
        // Stable for a tick, whoever computes it.
        let seed = Digest.sha256(Array("\(entry.function) \(entry.cron) \(tick.timeIntervalSince1970)".utf8))
        let share = Double(seed[0]) / 256 + Double(seed[1]) / 65_536
        let jitter = entry.jitter > 1_000 ? 1 + share * (Double(entry.jitter) / 1_000 - 1) : 0
        _ = try await pool.withConnection { db in
            try db.query(
                Statement.tick.sql, [entry.function, entry.cron, tick, tick.addingTimeInterval(jitter)]
            ).count
        }
    }
}
