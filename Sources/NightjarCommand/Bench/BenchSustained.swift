import ArgumentParser
import Foundation
import Nightjar

/// `nightjar bench sustained`
struct BenchSustained: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "sustained",
        abstract: "Whether it stays as quick as it began while somebody holds an old snapshot open.",
        discussion: """
            Runs of one step with a cancellation policy come at a steady rate; every tenth sleeps two seconds first, and \
            every other one of these is cancelled meanwhile. With --rate 0 they come as fast as they are done. Another \
            session's REPEATABLE READ transaction is open all the while, so that no row that dies can be vacuumed.

            Told of each window: what ended, from sent to ended (of the runs that do not sleep), pages of the table \
            `live` and its indexes that one run cost, the dead rows at the end, and what a claim then takes that reads \
            the index from its left end. Then the last window in proportion to the first.
            """)

    @OptionGroup var options: BenchOptions

    @Option(help: "For how long.")
    var seconds = 300

    @Option(help: "How many runs a second; 0: as many as are done.")
    var rate = 1_000

    @Option(help: "How many seconds make a window.")
    var window = 60

    @Flag(help: "Hold no snapshot: what it is compared with.")
    var withoutSnapshot = false

    func validate() throws {
        guard window > 0, seconds >= 2 * window, rate >= 0 else {
            throw ValidationError("--seconds must be at least twice --window, --rate not less than 0")
        }
    }

    func execute() async throws -> ExitStatus {
        try await BenchArena.with(options, settings: ["max_wal_size": "16GB"]) { arena in
            let progress = SustainedLoad.Progress()
            let functions = SustainedLoad.functions(progress)
            try await arena.withWorker(functions) {}
            let holder = try await withoutSnapshot ? nil : Self.holdSnapshot(arena)
            let client = Client(database: arena.database, logger: .quiet)
            var configuration = WorkerConfiguration()
            configuration.concurrency = 200
            configuration.localQueue = 800
            let readings = try await arena.withWorker(functions, configuration) {
                try await self.readings(arena, SustainedLoad(client: client, progress: progress, rate: rate))
            }
            await client.close()
            await holder?.close()
            let windows = try await Self.windows(readings, arena)
            try arena.report(Self.figures(windows, holdsSnapshot: !withoutSnapshot), options)
            return .success
        }
    }

    private struct Window: Sendable {
        var runs: Int64
        var rate: Double
        var p50: Double?
        var p99: Double?
        var pages: Double
        var end: SustainedGauge.Reading
    }

    /// Loads, and reads at the end of each window.
    private func readings(_ arena: BenchArena, _ load: SustainedLoad) async throws -> [SustainedGauge.Reading] {
        let gauge = SustainedGauge(arena: arena)
        return try await withThrowingTaskGroup { group in
            // The first seconds make plans and fill caches.
            let start = ContinuousClock.now + .seconds(min(5, window))
            group.addTask { [seconds] in
                var load = load
                try await load.send(until: start + .seconds(seconds))
                return [SustainedGauge.Reading]()
            }
            group.addTask { [seconds, window] in
                var readings: [SustainedGauge.Reading] = []
                for number in 0...(seconds / window) {
                    try await Task.sleep(until: start + .seconds(number * window), clock: .continuous)
                    readings.append(try await gauge.read())
                }
                return readings
            }
            var readings: [SustainedGauge.Reading] = []
            for try await found in group { readings += found }
            return readings
        }
    }

    private static func windows(_ readings: [SustainedGauge.Reading], _ arena: BenchArena) async throws -> [Window] {
        let gauge = SustainedGauge(arena: arena)
        var windows: [Window] = []
        for (start, end) in zip(readings, readings.dropFirst()) {
            let ended = try await gauge.ended(from: start.at, to: end.at)
            windows.append(
                Window(
                    runs: ended.count, rate: Double(ended.count) / end.at.timeIntervalSince(start.at),
                    p50: ended.p50, p99: ended.p99,
                    pages: Double(end.livePages - start.livePages) / Double(max(1, ended.count)), end: end))
        }
        return windows
    }

    private static func figures(_ windows: [Window], holdsSnapshot: Bool) -> [(name: String, value: JSON)] {
        func number(_ value: Double?) -> JSON { value.map { .number(rounded($0)) } ?? .null }
        var figures: [(name: String, value: JSON)] = [("snapshot_held", .bool(holdsSnapshot))]
        for (index, window) in windows.enumerated() {
            let prefix = "window_\(index + 1)_"
            figures += [
                ("\(prefix)runs", .integer(window.runs)), ("\(prefix)runs_per_second", number(window.rate)),
                ("\(prefix)send_to_end_ms_p50", number(window.p50)),
                ("\(prefix)send_to_end_ms_p99", number(window.p99)),
                ("\(prefix)live_pages_per_run", number(window.pages)),
                ("\(prefix)dead_live_rows", .integer(window.end.deadRows)),
                ("\(prefix)full_claim_pages", number(window.end.claimPages)),
                ("\(prefix)full_claim_ms", number(window.end.claimMilliseconds)),
            ]
        }
        if let first = windows.first, let last = windows.last, first.rate > 0, first.pages > 0 {
            figures += [
                ("last_to_first_runs_per_second", number(last.rate / first.rate)),
                ("last_to_first_live_pages_per_run", number(last.pages / first.pages)),
            ]
            if let before = first.p99, let after = last.p99 {
                figures.append(("last_to_first_send_to_end_ms_p99", number(after / before)))
            }
        }
        return figures
    }

    private static func holdSnapshot(_ arena: BenchArena) async throws -> PostgresSession {
        var database = arena.database
        database.settings["idle_in_transaction_session_timeout"] = "0"
        let session = PostgresSession(database, logger: .quiet)
        try await session.run { db in
            try db.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM nightjar.live")
        }
        return session
    }
}
