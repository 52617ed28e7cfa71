import ArgumentParser
import Foundation
import Nightjar

/// `nightjar run`
struct ShowRun: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Show one run: its steps with times, attempts, outputs and errors, and what cancelled it.",
        discussion: """
            Of a run that has not ended, also: who executes it, what its open steps wait for and until when, what would \
            cancel it, and when its time is up. Of a cancelled one: why, by whom or by which event and policy, when it \
            was asked for and applied, what it was doing, and until when its code went on executing.

            EXAMPLES
              nightjar run 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58
              nightjar run 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58 --json | jq .steps
            """)

    @Argument(help: "The run's id, as 'nightjar runs' lists it.", transform: RunID.parse)
    var id: UUID

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var replica: ReplicaOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        var timeline = try await options.withReports("run", preferring: replica) { try await $0.timeline(of: id) }
        if timeline == nil, try replica.setting(options.file()) != nil {
            // It may have been started just now.
            timeline = try await options.withReports("run") { try await $0.timeline(of: id) }
        }
        guard let timeline else {
            throw CommandError(.notAsWanted, "there is no run \(id.text)")
        }
        if output.json {
            try Output.json(timeline.json)
        } else {
            Output.lines(TimelineText(timeline: timeline, style: Output.style).lines)
        }
        return .success
    }
}
