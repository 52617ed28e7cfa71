import ArgumentParser
import Foundation
import Nightjar
import Synchronization

/// `nightjar bench latency`
struct BenchLatency: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "latency",
        abstract: "How long from sending to the first step, from due to the next step, from a cancel to its effect.")

    @OptionGroup var options: BenchOptions

    @Option(help: "How many runs of each kind, one after the other.")
    var runs = 500

    struct Ping: EventData {
        static let eventName = "bench/ping"
        var n: Int
        var napMilliseconds: Int
        var isEndless = false
    }
    struct Stop: EventData {
        static let eventName = "bench/stop"
        var n: Int
    }

    /// Who waits for which run's step, and when it came.
    private final class Arrivals: Sendable {
        private let waiting = Mutex<[Int: CheckedContinuation<ContinuousClock.Instant, Never>]>([:])
        private let early = Mutex<[Int: ContinuousClock.Instant]>([:])

        func arrived(_ n: Int) {
            let now = ContinuousClock.now
            if let continuation = waiting.withLock({ $0.removeValue(forKey: n) }) {
                continuation.resume(returning: now)
            } else {
                early.withLock { $0[n] = now }
            }
        }

        func arrival(of n: Int) async -> ContinuousClock.Instant {
            if let instant = early.withLock({ $0.removeValue(forKey: n) }) { return instant }
            return await withCheckedContinuation { continuation in waiting.withLock { $0[n] = continuation } }
        }
    }

    func execute() async throws -> ExitStatus {
        try await BenchArena.with(options) { arena in
            let started = Arrivals()
            let woken = Mutex<[Double]>([])
            let stopped = Arrivals()
            let function = Function("ping", on: Ping.self).cancelOn(Stop.self, match: \.n).run { event, step in
                let data = event.data
                if data.napMilliseconds > 0 {
                    try await step.sleep(
                        "nap", until: event.timestamp.addingTimeInterval(Double(data.napMilliseconds) / 1_000))
                }
                try await step.run("work") {
                    if data.napMilliseconds > 0 {
                        let late = Date().timeIntervalSince(event.timestamp) * 1_000 - Double(data.napMilliseconds)
                        woken.withLock { $0.append(late) }
                    }
                    started.arrived(data.n)
                    if data.isEndless {
                        try? await Task.sleep(for: .seconds(60))
                        stopped.arrived(data.n)
                    }
                }
            }
            let runs = runs
            let client = Client(database: arena.database, logger: .quiet)
            let (send, cancel) = try await arena.withWorker([function]) {
                // The first ones warm caches and plans up.
                for n in -20..<0 {
                    try await client.send(Ping(n: n, napMilliseconds: 0))
                    _ = await started.arrival(of: n)
                }
                var send: [Double] = []
                for n in 0..<runs {
                    let sending = ContinuousClock.now
                    try await client.send(Ping(n: n, napMilliseconds: 0))
                    send.append((await started.arrival(of: n) - sending).milliseconds)
                }
                for n in runs..<(2 * runs) {
                    try await client.send(Ping(n: n, napMilliseconds: 500 + n % 2_000))
                }
                for n in runs..<(2 * runs) { _ = await started.arrival(of: n) }
                var cancel: [Double] = []
                for n in (2 * runs)..<(2 * runs + min(runs, 200)) {
                    try await client.send(Ping(n: n, napMilliseconds: 0, isEndless: true))
                    _ = await started.arrival(of: n)
                    try await client.send(Stop(n: n))
                    let acknowledged = ContinuousClock.now
                    cancel.append(max(0, (await stopped.arrival(of: n) - acknowledged).milliseconds))
                }
                return (Sample(send), Sample(cancel))
            }
            await client.close()
            let due = Sample(woken.withLock { $0 })
            try arena.report(
                [
                    ("send_to_step_ms_p50", send.percentile(0.5)), ("send_to_step_ms_p99", send.percentile(0.99)),
                    ("due_to_step_ms_p50", due.percentile(0.5)), ("due_to_step_ms_p99", due.percentile(0.99)),
                    ("cancel_to_task_cancelled_ms_p50", cancel.percentile(0.5)),
                    ("cancel_to_task_cancelled_ms_p99", cancel.percentile(0.99)),
                ], options)
            return .success
        }
    }
}
