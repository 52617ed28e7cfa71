import ArgumentParser
import Nightjar

/// `nightjar reschedule`
struct Reschedule: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Send an event that replaces what earlier ones with the same key have started.",
        discussion: """
            Cancel and schedule anew in one: the runs that an earlier event of this name has started are cancelled, if \
            their function has a cancellation policy on that same event and the policy matches, and a new run is \
            started. Of two at once the later one stays. Other than 'nightjar send' it refuses where it would replace \
            nothing: where no function has such a policy, or the event lacks the field that the policy compares.

            The same from SQL, inside a transaction of your own:
              SELECT * FROM nightjar.reschedule('shop/reminder.wanted', '{"user": 7}');

            EXAMPLES
              nightjar reschedule shop/reminder.wanted '{"user": 7}' --at 2h
              jq .post draft.json | nightjar reschedule blog/post.scheduled -
            """)

    @OptionGroup var arguments: EventArguments

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let event = try arguments.event()
        let sent = try await options.withReports("reschedule") { reports in
            let id = try await reports.client.reschedule(event).eventID
            return SentEvent(id: id, runs: try await reports.client.runs(startedBy: id))
        }
        try sent.write(name: event.name, asJSON: output.json)
        return .success
    }
}
