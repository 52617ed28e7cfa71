import ArgumentParser
import Foundation
import Nightjar

/// An event on the command line.
struct EventArguments: ParsableArguments {
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

    /// The event, or an error that says what is wrong with it.
    func event() throws -> NewEvent {
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
