import ArgumentParser
import Foundation
import Nightjar

/// `nightjar send`
struct Send: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Send an event.",
        discussion: """
            The event is durable when this returns. It starts a run of every function that listens to its name, and \
            cancels the runs whose policies it matches.

            The same from SQL, inside a transaction of your own:
              INSERT INTO nightjar.events (name, data) VALUES ('blog/post.cancelled', '{"postID": "p1"}');

            EXAMPLES
              nightjar send blog/post.cancelled '{"postID": "p1"}'
              nightjar send blog/post.scheduled '{"postID": "p1"}' --id p1-v7 --at 2h
              jq .post draft.json | nightjar send blog/post.scheduled -
            """)

    @Argument(help: "What happened, such as blog/post.scheduled.")
    var name: String

    @Argument(help: ArgumentHelp("The data, a JSON object; - reads it from standard input.", valueName: "json"))
    var data: String = "{}"

    @Option(help: "The event's id: a second one with the same within 24 hours has no effect.")
    var id: String?

    @Option(
        help: ArgumentHelp("When it happened; ahead of now, its runs begin then. \(Moment.help).", valueName: "time"))
    var at: Moment?

    @Option(help: ArgumentHelp("Who caused it, as JSON.", valueName: "json"))
    var user: String?

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let event = try event()
        let sent = try await options.withReports("send") { reports in
            let id = try await reports.send(event)
            return (id: id, runs: try await reports.runs(startedBy: id))
        }
        if output.json {
            try Output.json(["id": .string(sent.id), "runs": .array(sent.runs.map { .string($0.id.text) })])
            return .success
        }
        Output.line("Sent \(PlainText.line(sent.id))")
        for run in sent.runs { Output.line("  run \(run.id.text) of \(run.app)/\(run.function)") }
        if sent.runs.isEmpty {
            Output.line("  it started no run: no worker has registered a function for \(PlainText.line(name))")
        }
        return .success
    }

    private func event() throws -> NewEvent {
        let text = try data == "-" ? Self.standardInput() : data
        let parsed = Self.parse(text)
        guard case .object? = parsed else {
            throw CommandError(
                .usage, "the data must be a JSON object such as '{\"postID\": \"p1\"}'; this is not: \(text.prefix(80))"
            )
        }
        let user = try user.map { text in
            guard let value = Self.parse(text) else {
                throw CommandError(
                    .usage, "--user must be JSON, such as '{\"id\": 7}'; this is not: \(text.prefix(80))")
            }
            return value
        }
        do {
            return try NewEvent(name: name, json: text, id: id, at: at?.ahead(of: Date()), user: user)
        } catch let error as EventError {
            throw CommandError(.usage, error.message)
        }
    }

    private static func parse(_ text: String) -> JSON? {
        try? JSONDecoder().decode(JSON.self, from: Data(text.utf8))
    }

    private static func standardInput() throws -> String {
        let data = try FileHandle.standardInput.readToEnd() ?? Data()
        guard let text = String(data: data, encoding: .utf8) else {
            throw CommandError(.usage, "standard input is not UTF-8")
        }
        return text
    }
}
