import ArgumentParser
import Foundation
import Nightjar

/// `nightjar cancel`
struct Cancel: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Cancel one run, whatever it is doing.",
        discussion: """
            A run that waits ends at once. One that a worker executes is told to stop; nothing that it does from now on \
            is recorded. Exit status 2: it has ended already, or there is no such run.

            EXAMPLES
              nightjar cancel 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58
              nightjar runs --status sleeping --json | jq -r .id | xargs -n 1 nightjar cancel
            """)

    @Argument(help: "The run's id, as 'nightjar runs' lists it.", transform: RunID.parse)
    var id: UUID

    @Option(help: "Who asks, for the record; the user of this machine by default.")
    var actor: String?

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let answer = try await options.withReports("cancel") { try await $0.cancel(id, actor: actor ?? Self.user) }
        if output.json {
            try Output.json(["id": .string(id.text), "answer": .string(answer.rawValue)])
        } else {
            Output.line(text(answer))
        }
        switch answer {
        case .cancelled, .requested: return .success
        case .ended, .unknown: return .notAsWanted
        }
    }

    private func text(_ answer: CancelAnswer) -> String {
        switch answer {
        case .cancelled: "Cancelled."
        case .requested: "Cancelled: a worker executes it, and records nothing more of it."
        case .ended: "It has ended already; see 'nightjar run \(id.text)'."
        case .unknown: "There is no run \(id.text)."
        }
    }

    private static var user: String {
        "\(NSUserName())@\(ProcessInfo.processInfo.hostName)"
    }
}
