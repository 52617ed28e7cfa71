import ArgumentParser
import Foundation
import Nightjar

/// `nightjar runs`
struct Runs: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "List runs, the newest first.",
        discussion: """
            A run is queued, running, sleeping, retrying, scheduled, waiting (for an event) or invoking (it waits for a run \
            that it started) until it ends as completed, failed or cancelled.

            EXAMPLES
              nightjar runs --status failed --since 1h
              nightjar runs --function publish-post --limit 5
              nightjar runs --status sleeping --json | jq -r .id
            """)

    @Option(help: "Only runs with this status.")
    var status: RunRecord.Status?

    @Option(help: "Only runs of the function with this id.")
    var function: String?

    @Option(help: "Only runs of this app.")
    var app: String?

    @Option(
        help: ArgumentHelp(
            "Only runs created since then: RFC 3339, or how long ago, as 90s, 5m, 2h or 7d.", valueName: "time"))
    var since: Moment?

    @Option(help: "How many at most.")
    var limit = 20

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var replica: ReplicaOptions

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be at least 1") }
    }

    func execute() async throws -> ExitStatus {
        let query = RunQuery(
            status: status, function: function, app: app, since: since?.before(Date()), limit: limit)
        let runs = try await options.withReports("runs", preferring: replica) { try await $0.runs(query) }
        guard !runs.isEmpty else {
            if !output.json { Output.line("No runs.") }
            return .notAsWanted
        }
        if output.json {
            for run in runs { try Output.json(run.json) }
        } else {
            Output.lines(RunTable.make(runs, now: Date()).lines(style: Output.style))
        }
        return .success
    }
}
