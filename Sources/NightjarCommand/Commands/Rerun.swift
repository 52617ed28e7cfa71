import ArgumentParser
import Foundation
import Nightjar

/// `nightjar rerun`
struct Rerun: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Run an ended run again.",
        discussion: """
            A new run of the same function with the same event, whether the old one was completed, failed or cancelled. \
            Only events that are sent from now on cancel it. With --from, what the old run had recorded before that step \
            began is kept, and the new run goes on there; steps are named as 'nightjar run' lists them. Exit status 2: \
            there is no such run or step, or the run has not ended.

            EXAMPLES
              nightjar rerun 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58
              nightjar rerun 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58 --from send-mail
              nightjar runs --status failed --json | jq -r .id | xargs -n1 nightjar rerun
            """)

    @Argument(help: "The run's id, as 'nightjar runs' lists it.", transform: RunID.parse)
    var id: UUID

    @Option(name: .customLong("from"), help: ArgumentHelp("The step with which to go on.", valueName: "step"))
    var step: String?

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let new = try await options.withReports("rerun") { try await $0.client.rerun(id, keepingStepsBefore: step) }
        if output.json {
            try Output.json(["id": .string(new.text), "rerun_of": .string(id.text), "from": JSON(text: step)])
        } else {
            Output.line("Run \(new.text) repeats it\(step.map { " from step \(PlainText.line($0)) on" } ?? "").")
        }
        return .success
    }
}
