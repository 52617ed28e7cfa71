import ArgumentParser
import Nightjar

/// `nightjar migrate status`
struct MigrateStatus: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Compare the database's schema with this build. Changes nothing.",
        discussion: """
            Exit status 0: up to date; 2: something is missing; 1: this build must not use the schema, because a newer \
            one made it or an applied migration was edited.
            """)

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let state = try await Migrator(try options.database().named("migrate"), logger: .quiet).state()
        if output.json {
            for line in state.lines { try Output.json(line.json) }
        } else {
            Output.lines(table(state).lines(style: Output.style))
        }
        do { try state.checkUsable() } catch {
            Output.error(error.message)
            return .failure
        }
        return state.pending.isEmpty ? .success : .notAsWanted
    }

    private func table(_ state: SchemaState) -> Table {
        let time = TimeText()
        var table = Table(.init("VERSION", .right), "NAME", "STATE", "APPLIED")
        for line in state.lines {
            table.rows.append([
                .init("\(line.version)"), .init(line.name), .init(line.standing.rawValue, line.standing.color),
                .init(line.appliedAt.map(time.moment) ?? ""),
            ])
        }
        return table
    }
}

extension SchemaState.Line {
    fileprivate var json: JSON {
        [
            "version": .integer(Int64(version)), "name": .string(name), "state": .string(standing.rawValue),
            "applied_at": JSON(time: appliedAt),
        ]
    }
}

extension SchemaState.Line.Standing {
    fileprivate var color: Style.Color {
        switch self {
        case .applied: .green
        case .pending: .yellow
        case .edited, .unknown: .red
        }
    }
}
