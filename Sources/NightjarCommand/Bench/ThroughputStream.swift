import Foundation
import Nightjar

/// Events that come evenly, while workers execute what they start.
struct ThroughputStream: Sendable {
    var bench: ThroughputCase
    /// Events a second.
    var rate: Int
    var seconds: Double

    func measure(_ arena: BenchArena) async throws -> [BenchFigure] {
        let first = try await BenchMeter.lowestID(arena)
        let barrier = try await BenchBarrier(arena.database, isClosed: false)
        let before = try await BenchCounters.read(arena.database)
        let (measured, sent) = try await WorkerProcess.with(bench.workers, bench.order(arena)) { workers in
            try await barrier.wait(for: workers.count)
            let start = try await barrier.open()
            let meter = try await BenchMeter(arena, workers)
            let sent = try await send(arena)
            try await BenchMeter.waitForEnd(arena)
            return (try await meter.budget(of: first, since: start), sent)
        }
        await barrier.close()
        var budget = measured
        let after = try await BenchCounters.settled(arena.database)
        budget.transactions = after.transactions - before.transactions
        budget.pages = after.pages - before.pages
        guard budget.runs == sent else { throw CommandError(.failure, "\(budget.runs) of \(sent) runs are completed") }
        return [BenchFigure("runs", budget.runs), BenchFigure("events_per_second_wanted", rate)]
            + (try await latencies(arena, from: first)) + BenchBudget.figures([budget])
    }

    /// Sends what is due every few milliseconds; what is late goes at once, with the time at which it was due.
    private func send(_ arena: BenchArena) async throws -> Int {
        let client = Client(database: arena.database, logger: .quiet)
        let (start, date) = (ContinuousClock.now, Date())
        let total = max(1, Int(Double(rate) * seconds))
        var sent = 0
        while sent < total {
            let due = min(total, Int((ContinuousClock.now - start).seconds * Double(rate)))
            if due > sent {
                try await client.send(
                    (sent..<min(due, sent + 1_000)).map { n in
                        try NewEvent(
                            BenchFunctions.Tick(n: n), at: date.addingTimeInterval(Double(n) / Double(rate)))
                    })
                sent = min(due, sent + 1_000)
            }
            if due <= sent { try await Task.sleep(for: .milliseconds(5)) }
        }
        await client.close()
        return total
    }

    /// From the moment at which an event was to be sent until its run's outcome, by the server's clock and ours.
    private func latencies(_ arena: BenchArena, from first: UUID) async throws -> [BenchFigure] {
        let session = PostgresSession(arena.database, logger: .quiet)
        let shares = [0.5, 0.99, 1.0]
        let values = try await session.run { db in
            try db.query(
                """
                SELECT percentile_cont($2::float8[]) WITHIN GROUP (ORDER BY extract(epoch FROM o.ended_at - e.ts) * 1000)
                FROM nightjar.outcomes o JOIN nightjar.runs r ON r.run_id = o.run_id
                JOIN nightjar.events e ON e.event_id = r.event_id WHERE o.run_id >= $1 AND r.run_id >= $1
                """, [first, shares])[0].decode(0, as: [Double].self)
        }
        await session.close()
        return zip(["p50", "p99", "max"], values).map { BenchFigure("sent_to_ended_ms_\($0)", $1) }
    }
}
