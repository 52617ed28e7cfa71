import ArgumentParser
import Foundation
import Nightjar

/// `nightjar bench reports`
struct BenchReporting: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "reports",
        abstract:
            "How long reports take over millions of runs: each one, and what people ask of each view.",
        discussion: """
            Makes runs of 50 tenants and 118 functions, spread over days, with their steps, events, errors and cancels, and \
            counts them, which for five million takes some ten minutes; then asks every question several times. The \
            greatest figure of a question has its first time in it, which nothing is prepared or read for. The slowest come \
            first.

            EXAMPLES
              nightjar bench reports
              nightjar bench reports --finished 100000 --cookbook docs/reports.md
            """)

    @OptionGroup var options: BenchOptions

    @Option(help: "How many runs have ended.")
    var finished = 5_000_000

    @Option(help: "How many have not.")
    var unfinished = 100_000

    @Option(help: "Over how many days they are spread, up to 7.")
    var days = 7

    @Option(help: "How often each question is asked.")
    var `repeat` = 5

    @Option(help: "Ask also the questions of a document such as docs/reports.md.")
    var cookbook: String?

    func validate() throws {
        guard finished > 0, unfinished > 0, `repeat` > 0 else { throw ValidationError("numbers must be more than 0") }
        guard (1...7).contains(days) else { throw ValidationError("--days must be from 1 to 7") }
    }

    private struct Answer: Sendable {
        var name: String
        var milliseconds: [Double]

        var worst: Double { milliseconds.max() ?? 0 }

        var figures: [BenchFigure] {
            let key = BenchQuestion.key(name)
            return [
                BenchFigure("\(key)_ms_p50", median(milliseconds)), BenchFigure("\(key)_ms_max", worst, target: 200),
            ]
        }
    }

    func execute() async throws -> ExitStatus {
        // Read before minutes are spent.
        let recipes = try cookbook.map { try BenchQuestion.cookbook($0, function: "job-40") } ?? []
        try await BenchArena.with(options, settings: ["max_wal_size": "16GB"]) { arena in
            let history = BenchHistory(arena: arena, finished: finished, unfinished: unfinished, days: days)
            try await history.make()
            let questions = try await history.subject().questions + recipes
            let answers = (try await reports(arena) + ask(questions, arena)).sorted { $0.worst > $1.worst }
            try arena.report(
                [
                    BenchFigure("finished_runs", finished), BenchFigure("unfinished_runs", unfinished),
                    BenchFigure("days", days), BenchFigure("questions", answers.count),
                    BenchFigure("over_200_ms", answers.count { $0.worst > 200 }, target: 0),
                    BenchFigure("question_ms_p50", median(answers.flatMap(\.milliseconds))),
                    BenchFigure("question_ms_max", answers.first?.worst, target: 200),
                ] + answers.flatMap(\.figures), options)
        }
        return .success
    }

    /// Each report of `nightjar report`.
    private func reports(_ arena: BenchArena) async throws -> [Answer] {
        let reports = Reports(database: arena.database, logger: .quiet)
        var answers: [Answer] = []
        for report in NamedReport.all {
            var times: [Double] = []
            for _ in 0..<`repeat` {
                let start = ContinuousClock.now
                _ = try await reports.table(report, ReportFilter())
                times.append((ContinuousClock.now - start).milliseconds)
            }
            answers.append(Answer(name: "report \(report.name)", milliseconds: times))
        }
        await reports.close()
        return answers
    }

    private func ask(_ questions: [BenchQuestion], _ arena: BenchArena) async throws -> [Answer] {
        let session = PostgresSession(arena.database, logger: .quiet)
        let answers = try await session.run { db in
            try db.script("SET jit = off; SET work_mem = '32MB'; SET default_transaction_read_only = on")
            return try questions.map { question in
                let times = try (0..<`repeat`).map { _ in
                    let start = ContinuousClock.now
                    _ = try db.query(question.sql).count
                    return (ContinuousClock.now - start).milliseconds
                }
                return Answer(name: question.name, milliseconds: times)
            }
        }
        await session.close()
        return answers
    }
}
