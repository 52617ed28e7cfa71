import ArgumentParser
import Foundation
import Nightjar

/// `nightjar report`
struct Report: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Print figures: throughput, latencies, failures, what waits, what was cancelled.",
        discussion: """
            Without a name it lists the reports. Each is one query over the views of the schema "nightjar_report", which \
            you can ask in SQL as well; docs/reports.md has these queries and more. Figures by minute, hour and day are \
            kept up by workers, and up to a minute old. Reports read only, and hold nobody up.

            REPORTS
            \(ReportText.list.joined(separator: "\n"))

            EXAMPLES
              nightjar report failures --since 2h
              nightjar report latency --function publish-post
              nightjar report throughput --since 7d --csv > week.csv
              nightjar report lag --json | jq 'select(.lag_seconds > 60)'
              nightjar report invariants || echo "something is broken"

            Exit status 2: the report is empty; invariants: 0 when it is empty, 1 when it is not.
            """)

    @Argument(help: ArgumentHelp("Which report; none: list them.", valueName: "name"))
    var name: String?

    @Option(
        help: ArgumentHelp(
            "From when on: RFC 3339, or how long ago, as 90s, 5m, 2h or 7d. Each report has its own default.",
            valueName: "time"))
    var since: Moment?

    @Option(help: "Only this tenant.")
    var tenant: String?

    @Option(help: "Only this app.")
    var app: String?

    @Option(help: "Only the function with this id.")
    var function: String?

    @Option(help: "How many rows at most.")
    var limit = 50

    @Flag(help: "Print comma-separated values with a line of names.")
    var csv = false

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be at least 1") }
        if csv, output.json { throw ValidationError("--csv and --json exclude each other") }
        if let name { try check(name) }
    }

    /// What a report cannot be asked with would be ignored silently.
    private func check(_ name: String) throws {
        guard let report = NamedReport.named(name) else {
            let names = NamedReport.all.map(\.name).joined(separator: ", ")
            throw ValidationError("there is no report \"\(name)\"; there are: \(names)")
        }
        let given: [(NamedReport.Parameter, Bool)] = [
            (.since, since != nil), (.tenant, tenant != nil), (.app, app != nil), (.function, function != nil),
        ]
        for (parameter, isGiven) in given where isGiven && !report.parameters.contains(parameter) {
            let known = report.parameters.filter { $0 != .grain }.map { "--\($0)" }.joined(separator: ", ")
            throw ValidationError("report \(name) has no --\(parameter); it has: \(known)")
        }
    }

    func execute() async throws -> ExitStatus {
        guard let name, let report = NamedReport.named(name) else {
            Output.lines(ReportText.list)
            return .success
        }
        let filter = ReportFilter(
            since: since?.before(Date()), tenant: tenant, app: app, function: function, limit: limit)
        let table = try await options.withReports("report") { try await $0.table(report, filter) }
        if csv {
            Output.lines(ReportText.csv(table))
        } else if output.json {
            for row in ReportText.json(table) { try Output.json(row) }
        } else if table.rows.isEmpty {
            Output.line(report.isAlarm ? "Nothing is broken." : "Nothing to report.")
        } else {
            Output.lines(ReportText.table(table).lines(style: Output.style))
        }
        if report.isAlarm { return table.rows.isEmpty ? .success : .failure }
        return table.rows.isEmpty ? .notAsWanted : .success
    }
}
