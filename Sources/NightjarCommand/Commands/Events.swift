import ArgumentParser
import Nightjar

/// `nightjar events`
struct Events: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "List the latest events.",
        discussion: """
            EXAMPLES
              nightjar events --limit 5
              nightjar events --name 'blog/*' --json | jq -r .id
            """)

    @Option(help: "Only events of this name, or, with * at the end, of names that begin so.")
    var name: String?

    @Option(help: "How many at most.")
    var limit = 20

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var replica: ReplicaOptions

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard limit > 0 else { throw ValidationError("--limit must be at least 1") }
    }

    func execute() async throws -> ExitStatus {
        let events = try await options.withReports("events", preferring: replica) {
            try await $0.events(name: name, limit: limit)
        }
        guard !events.isEmpty else {
            if !output.json { Output.line("No events.") }
            return .notAsWanted
        }
        if output.json {
            for event in events { try Output.json(event.json) }
        } else {
            Output.lines(table(events).lines(style: Output.style))
        }
        return .success
    }

    private func table(_ events: [EventRecord]) -> Table {
        let time = TimeText()
        var table = Table("RECEIVED", .init("NAME", limit: 50), .init("ID", limit: 40), .init("DATA", limit: 80))
        for event in events {
            table.rows.append([
                .init(time.moment(event.receivedAt)), .init(event.name), .init(event.publicID),
                .init(event.data.line, .dim),
            ])
        }
        return table
    }
}
