import ArgumentParser
import Nightjar

/// `nightjar preview`
struct Preview: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "List the runs that an event would cancel. Sends nothing.",
        discussion: """
            The unfinished runs whose cancellation policies the event matches now, each with the policy. Takes what \
            'nightjar send' takes. Exit status 2: it would cancel none.

            The same from SQL:
              SELECT * FROM nightjar.preview('blog/post.cancelled', '{"postID": "p1"}');

            EXAMPLES
              nightjar preview blog/post.cancelled '{"postID": "p1"}'
              nightjar preview shop/emergency.stop --json | jq .total
            """)

    @OptionGroup var arguments: EventArguments

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    /// How many runs are listed.
    private static let limit = 1_000

    func execute() async throws -> ExitStatus {
        let event = try arguments.event()
        let hits = try await options.withReports("preview") { reports in
            try await reports.client.preview(event, limit: Self.limit)
        }
        if output.json {
            try Output.json(["total": .integer(Int64(hits.count)), "would_cancel": .array(hits.map(\.json))])
        } else if hits.isEmpty {
            Output.line("It would cancel no run.")
        } else {
            let count = hits.count == 1 ? "1 run" : "\(hits.count) runs"
            Output.line("It would cancel \(count)\(hits.count == Self.limit ? " or more" : ""):")
            Output.lines(Self.table(hits).lines(style: Output.style))
        }
        return hits.isEmpty ? .notAsWanted : .success
    }

    private static func table(_ hits: [CancelCandidate]) -> Table {
        var table = Table("RUN", .init("FUNCTION", limit: 50), "STATUS", .init("POLICY", limit: 80))
        for hit in hits {
            table.rows.append([
                .init(hit.runID.text), .init("\(hit.app)/\(hit.function)"),
                .init(hit.status.rawValue, hit.status.color), .init(hit.policy ?? "every such event", .dim),
            ])
        }
        return table
    }
}
