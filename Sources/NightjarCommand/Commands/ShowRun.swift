import ArgumentParser
import Foundation
import Nightjar

/// `nightjar run`
struct ShowRun: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Show one run: its steps with times, attempts, outputs and errors, and what cancelled it.",
        discussion: """
            EXAMPLES
              nightjar run 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58
              nightjar run 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58 --json | jq .steps
            """)

    @Argument(help: "The run's id, as 'nightjar runs' lists it.", transform: RunID.parse)
    var id: UUID

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let reports = Reports(database: try options.database().named("run"), logger: .quiet)
        let timeline: RunTimeline?
        do {
            timeline = try await reports.timeline(of: id)
            await reports.close()
        } catch {
            await reports.close()
            throw error
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

/// Ids of runs on the command line.
enum RunID {
    @Sendable static func parse(_ text: String) throws -> UUID {
        guard let id = UUID(uuidString: text) else {
            throw ValidationError("'\(text)' is no run id; they look like 0198c2f4-7c1e-7a53-9b0e-3d4a6f1b2c58")
        }
        return id
    }
}

extension UUID {
    /// As PostgreSQL writes it.
    var text: String { uuidString.lowercased() }
}
