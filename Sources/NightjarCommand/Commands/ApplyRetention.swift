import ArgumentParser
import Foundation
import Nightjar

/// `nightjar retention apply`
struct ApplyRetention: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Drop the weeks that nobody wants any more, now.",
        discussion: """
            With --dry-run nothing is changed: it lists the weeks that are due, their bytes, how many unfinished runs need \
            something of each, and how many rows would stay. Looks at 'live' and at the outcomes of those weeks, so it may take a while.

            Else it drops them: it locks a week's tables for the moment of its emptying, and leaves it for later when that is not \
            granted within 100 ms. Takes the role that owns the schema. Exit status 2: something had to stay, somebody else is at \
            it, or with --dry-run nothing is due.

            EXAMPLES
              nightjar retention apply --dry-run
              nightjar retention apply --json | jq 'select(.outcome == "kept") | .reason'
            """)

    @Flag(help: "Only say what would be dropped.")
    var dryRun = false

    @Option(
        help: ArgumentHelp(
            "How much of a week may be needed, to be moved while the week is locked: 30 ms each, for which claims wait.",
            valueName: "MiB"))
    var move = 16

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (0...4_096).contains(move) else { throw ValidationError("--move takes 0 to 4096 MiB") }
    }

    func execute() async throws -> ExitStatus {
        if dryRun { return try await plan() }
        var retention = Retention(database: try options.database().named("retention"), logger: .quiet)
        retention.byteLimit = move << 20
        guard let results = try await retention.apply(all: true) else {
            throw CommandError(.notAsWanted, "somebody else is dropping weeks at this moment; try again later")
        }
        for result in results {
            if output.json { try Output.json(result.json) } else { Output.line(result.text) }
        }
        if results.isEmpty, !output.json { Output.line("Nothing is due.") }
        return results.contains { $0.outcome.reason != nil } ? .notAsWanted : .success
    }

    private func plan() async throws -> ExitStatus {
        let weeks = try await options.withSession("retention") { db in try RetentionPlan.read(db) }
        if output.json {
            for week in weeks { try Output.json(week.json) }
        } else if weeks.isEmpty {
            Output.line("Nothing is due.")
        } else {
            var table = Table(
                "LOG", "WEEK OF", .init("MIB", .right), .init("UNFINISHED RUNS", .right),
                .init("ROWS THAT STAY", .right),
                .init("LAST TIME", limit: 60))
            for week in weeks {
                table.rows.append([
                    .init(week.log.rawValue), .init(week.week), .init("\(week.bytes >> 20)"), .init("\(week.liveRuns)"),
                    .init("\(week.needed)"), .init(week.reason ?? "", .dim),
                ])
            }
            Output.lines(table.lines(style: Output.style))
            Output.line("Nothing was dropped: this was a dry run.")
        }
        return weeks.isEmpty ? .notAsWanted : .success
    }
}
