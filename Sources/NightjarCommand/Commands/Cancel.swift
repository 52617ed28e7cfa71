import ArgumentParser
import Foundation
import Nightjar

/// `nightjar cancel`
struct Cancel: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Cancel one run, or many by what they have in common.",
        discussion: """
            ONE RUN, whatever it is doing. A run that waits ends at once. One that a worker executes is told to stop; \
            nothing that it does from now on is recorded. With --wait, this returns when its code has really ended, or \
            says what still executes, and where. Exit status 2: it has ended already, there is no such run, or it still \
            executes after --timeout.

            MANY RUNS, by --function, --app, --status, --after, --before and --if, of which all must hold. --if is a \
            condition on the event that started the run, as in the policies of functions: paths of 'event', == != < <= > \
            >= && || ! in + - * / %, has(), size(), startsWith(), endsWith(), contains(). Look first: --dry-run counts \
            and lists what would be hit, and changes nothing. On a terminal you are asked, unless --yes. Runs that start \
            after that are left alone, unless --include-new. Workers help to carry it out; Ctrl-C interrupts it, and \
            --resume lets it go on. Exit status 2: nothing was meant, you said no, or it was interrupted.

            EXAMPLES
              nightjar cancel 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58
              nightjar cancel 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58 --wait --timeout 10s
              nightjar cancel --function publish-post --status sleeping --dry-run
              nightjar cancel --app shop --if "event.data.tenant == 't7'" --dry-run
              nightjar cancel --app shop --before 30d --yes --reason 'stale'
              nightjar cancel --resume 0198c2f5-0a7b-7c11-8d7e-5b1f2a3c4d5e
            """)

    @Argument(help: "The run's id, as 'nightjar runs' lists it.", transform: RunID.parse)
    var id: UUID?

    @Option(help: "Who asks, for the record; the user of this machine by default.")
    var actor: String?

    @Option(help: "Why, for the record.")
    var reason: String?

    @Flag(help: "Wait until nothing of the run executes any more.")
    var wait = false

    @Option(help: ArgumentHelp("How long to wait, as 90s or 5m.", valueName: "time"))
    var timeout = TimeSpan(seconds: 30)

    @OptionGroup(title: "Many runs") var filter: RunFilterOptions

    @OptionGroup(title: "How to cancel many") var many: CancelManyOptions

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func validate() throws {
        let targets = [id != nil, !filter.isEmpty, many.resume != nil, many.interrupt != nil].filter(\.self).count
        if targets == 0 {
            throw ValidationError(
                "Say which: a run's id, or a filter such as --function or --if; --all means every unfinished run.")
        }
        if targets > 1 {
            throw ValidationError("A run's id, a filter, --resume and --interrupt exclude each other.")
        }
        if wait, id == nil { throw ValidationError("--wait is for one run; see 'nightjar cancellations --watch'") }
        if filter.isEmpty, many.dryRun || many.includeNew || many.yes {
            throw ValidationError("--dry-run, --include-new and --yes are for cancelling many runs by a filter")
        }
        guard many.limit > 0 else { throw ValidationError("--limit must be at least 1") }
    }

    func execute() async throws -> ExitStatus {
        try await options.withReports("cancel") { reports in
            let work = CancelMany(
                client: reports.client, actor: actor ?? Self.user, reason: reason, options: many, isJSON: output.json)
            if let id { return try await cancel(id, reports.client) }
            if let request = many.interrupt { return try await work.interrupt(request) }
            if let request = many.resume { return try await work.resume(request) }
            return try await work.cancel(filter.filter)
        }
    }

    private func cancel(_ id: UUID, _ client: Client) async throws -> ExitStatus {
        let answer = try await client.cancel(id, actor: actor ?? Self.user, reason: reason)
        let stop =
            wait && answer != .unknown
            ? try await client.waitUntilStopped(id, timeout: timeout.duration) : nil
        let report = CancelReport(id: id, answer: answer, stop: stop)
        if output.json { try Output.json(report.json) } else { Output.line(report.text) }
        return report.isAsWanted ? .success : .notAsWanted
    }

    private static var user: String {
        "\(NSUserName())@\(ProcessInfo.processInfo.hostName)"
    }
}
