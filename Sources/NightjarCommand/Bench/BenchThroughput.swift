import ArgumentParser
import Foundation
import Nightjar

/// `nightjar bench throughput`
struct BenchThroughput: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "throughput",
        abstract: "Runs a second of a function of a few steps, with a cancellation policy; and what each run costs.",
        discussion: """
            From a backlog that is there when the workers, which are processes, begin all at once; or, with --rate, of a \
            steady stream of events. The reference writes the same rows in as many commits by raw SQL, without an engine.

            With --all: one worker, two and four; three steps; and one worker beside sleeping runs. They are measured \
            in turn, --repeat times, on one server, and the medians are compared.

            EXAMPLES
              nightjar bench throughput
              nightjar bench throughput --steps 3 --workers 2
              nightjar bench throughput --rate 1000 --seconds 10
              nightjar bench throughput --finished 1000000 --reports 1000
              nightjar bench throughput --all
            """)

    @OptionGroup var options: BenchOptions

    @Option(help: "How many runs.")
    var runs = 20_000

    @Option(help: "How many steps each has.")
    var steps = 1

    @Option(help: "How many runs execute at once in a worker.")
    var concurrency = 200

    @Option(help: "How many workers, each a process.")
    var workers = 1

    @Option(help: "How many runs sleep beside it (with --all: 1,000,000).")
    var sleeping: Int?

    @Option(help: "How many runs have ended before it begins.")
    var finished = 0

    @Option(help: "How often it is measured; the medians count (with --all: 3).")
    var `repeat`: Int?

    @Option(help: "Send so many events a second, instead of measuring from a backlog.")
    var rate: Int?

    @Option(help: "For how long, with --rate.")
    var seconds = 10.0

    @Option(
        help:
            "Measure also beside somebody who asks a report, rests for so many milliseconds, asks the next, and so on.")
    var reports: Int?

    @Flag(help: "With metrics kept for Prometheus.")
    var metrics = false

    @Flag(help: "Measure one, two and four workers, three steps, and with sleeping runs.")
    var all = false

    func validate() throws {
        guard runs > 0, steps > 0, concurrency > 0, workers > 0, sleeping ?? 0 >= 0, finished >= 0, `repeat` ?? 1 > 0,
            rate ?? 1 > 0, seconds > 0
        else { throw ValidationError("numbers must be more than 0; only --sleeping and --finished may be 0") }
        guard !all || rate == nil else { throw ValidationError("--all and --rate exclude one another") }
        guard reports ?? 0 >= 0 else { throw ValidationError("--reports must not be negative") }
        guard reports == nil || !all && rate == nil else {
            throw ValidationError("--reports goes with neither --all nor --rate")
        }
    }

    func execute() async throws -> ExitStatus {
        // The logs of a million runs are written: no checkpoint for want of room in the middle of a measurement.
        try await BenchArena.with(options, settings: ["max_wal_size": "16GB"]) { arena in
            if all { try await compare(arena) } else { try await measure(arena) }
            return .success
        }
    }

    private func measure(_ arena: BenchArena) async throws {
        let bench = ThroughputCase(
            name: "", steps: steps, workers: workers, runs: runs, concurrency: concurrency, hasMetrics: metrics)
        try await bench.prepare(arena, sleeping: sleeping ?? 0, finished: finished)
        var figures = [
            BenchFigure("workers", workers), BenchFigure("steps_per_run", steps),
            BenchFigure("sleeping_runs", sleeping ?? 0), BenchFigure("finished_runs", finished),
        ]
        if let rate {
            let stream = ThroughputStream(bench: bench, rate: rate, seconds: seconds)
            figures += try await stream.measure(arena)
        } else {
            figures.append(BenchFigure("runs", runs))
            let ceiling = try await BenchCeiling(in: arena, withBacklog: sleeping ?? 0 > 0)
            var results: [ThroughputCase.Result] = []
            var beside: [ThroughputCase.Result] = []
            var times: [Double] = []
            for _ in 0..<(`repeat` ?? (reports == nil ? 1 : 3)) {
                results.append(try await bench.measure(arena, ceiling))
                guard let reports else { continue }
                let asking = BenchReports(arena: arena, pause: .milliseconds(reports), first: times.count)
                let (result, took) = try await asking.during { try await bench.measure(arena, ceiling) }
                beside.append(result)
                times += took
            }
            figures += ThroughputCase.figures(bench, results)
            if reports != nil {
                let speeds = [results, beside].map { median($0.map(\.budget.runsPerSecond)) ?? 0 }
                figures.append(BenchFigure("beside_reports_to_none", speeds[1] / speeds[0]))
                figures.append(BenchFigure("reports", times.count))
                figures += Sample(times).figures("report").map { BenchFigure($0.name, $0.value) }
            }
        }
        try arena.report(figures, options)
    }

    /// Cases in turn, so that a noisy moment of the machine meets all of them.
    private func compare(_ arena: BenchArena) async throws {
        func bench(_ name: String, steps: Int = 1, workers: Int = 1) -> ThroughputCase {
            ThroughputCase(name: name, steps: steps, workers: workers, runs: runs, concurrency: concurrency)
        }
        let cases = [
            bench("one_worker"), bench("two_workers", workers: 2), bench("four_workers", workers: 4),
            bench("three_steps", steps: 3),
        ]
        let beside = bench("beside_sleepers")
        let sleeping = sleeping ?? 1_000_000
        let results = try await arena.withAnother { other in
            try await cases[0].prepare(arena, sleeping: 0, finished: finished)
            try await beside.prepare(other, sleeping: sleeping, finished: finished)
            let ceiling = try await BenchCeiling(in: arena)
            let otherCeiling = try await BenchCeiling(in: other, withBacklog: true)
            var results = [String: [ThroughputCase.Result]]()
            for _ in 0..<(`repeat` ?? 3) {
                for bench in cases {
                    results[bench.name, default: []].append(try await bench.measure(arena, ceiling))
                }
                results[beside.name, default: []].append(try await beside.measure(other, otherCeiling))
            }
            return results
        }
        func speed(_ bench: ThroughputCase) -> Double {
            median((results[bench.name] ?? []).map(\.budget.runsPerSecond)) ?? 0
        }
        let ratios = [
            BenchFigure("two_workers_to_one", speed(cases[1]) / speed(cases[0])),
            BenchFigure("four_workers_to_one", speed(cases[2]) / speed(cases[0])),
            BenchFigure("three_steps_to_one", speed(cases[3]) / speed(cases[0])),
            BenchFigure("beside_sleepers_to_none", speed(beside) / speed(cases[0])),
        ]
        let sizes = [
            BenchFigure("runs", runs), BenchFigure("sleeping_runs", sleeping), BenchFigure("finished_runs", finished),
        ]
        let figures = (cases + [beside]).flatMap { ThroughputCase.figures($0, results[$0.name] ?? []) }
        try arena.report(sizes + ratios + figures, options)
    }
}
