import ArgumentParser
import Nightjar

/// `nightjar send`
struct Send: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Send an event.",
        discussion: """
            The event is durable when this returns. It starts a run of every function that listens to its name, and \
            cancels the runs whose policies it matches; 'nightjar preview' with the same arguments shows which.

            The same from SQL, inside a transaction of your own:
              INSERT INTO nightjar.events (name, data)
                VALUES ('blog/post.cancelled', '{"postID": "p1"}');

            EXAMPLES
              nightjar send blog/post.cancelled '{"postID": "p1"}'
              nightjar send blog/post.scheduled '{"postID": "p1"}' --id p1-v7 --at 2h
              jq .post draft.json | nightjar send blog/post.scheduled -
            """)

    @OptionGroup var arguments: EventArguments

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let event = try arguments.event()
        let sent = try await options.withReports("send") { reports in
            let id = try await reports.client.send([event])[0]
            return SentEvent(id: id, runs: try await reports.client.runs(startedBy: id))
        }
        try sent.write(name: event.name, asJSON: output.json)
        return .success
    }
}
