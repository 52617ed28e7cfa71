import ArgumentParser
import Nightjar

/// `nightjar doctor`
struct Examine: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Examine the database: can it keep Nightjar's promises, and does somebody work on what waits?",
        discussion: """
            Looks at the server's version and settings, the schema, the role's privileges, both clocks, who holds back \
            vacuum, whether notifications arrive, partitions made ahead, work that nobody does, cancels that hang, and \
            cancellation policies that are slow or wide. Changes nothing.

            Exit status 0: all is well; 2: there are warnings; 1: there are problems; 69: no connection.

            EXAMPLES
              nightjar doctor
              nightjar doctor --json | jq 'select(.level != "ok")'
              nightjar doctor --deep
            """)

    @OptionGroup var options: DatabaseOptions

    @Flag(help: "Also read the whole history for what must never be seen. Takes its time.")
    var deep = false

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let setting = try options.database()
        let findings = try await Doctor(database: setting.named("doctor"), logger: .quiet).examine(deep: deep)
        if output.json {
            for finding in findings { try Output.json(finding.json) }
        } else {
            Output.lines(Self.lines(findings, style: Output.style))
        }
        switch findings.map(\.level).max() {
        case .ok, nil: return .success
        case .warning: return .notAsWanted
        case .problem: return .failure
        }
    }

    private static func lines(_ findings: [Finding], style: Style) -> [String] {
        let width = findings.map(\.check.count).max() ?? 0
        return findings.flatMap { finding in
            let level = style.paint(finding.level.rawValue.padding(to: 8), finding.level.color)
            let line = "\(level) \(finding.check.padding(to: width))  \(PlainText.line(finding.message))"
            guard let remedy = finding.remedy else { return [line] }
            return [line, String(repeating: " ", count: width + 11) + "→ \(PlainText.line(remedy))"]
        }
    }
}

extension Finding {
    fileprivate var json: JSON {
        [
            "check": .string(check), "level": .string(level.rawValue), "message": .string(message),
            "remedy": remedy.map { .string($0) } ?? .null,
        ]
    }
}

extension Finding.Level {
    fileprivate var color: Style.Color {
        switch self {
        case .ok: .green
        case .warning: .yellow
        case .problem: .red
        }
    }
}
