/// A function that is complete, as a worker takes it. Made by ``Function/run(_:)``.
public struct FunctionDefinition: Sendable {
    /// Executes user code for an event and returns its output as JSON text.
    package typealias Body = @Sendable (RecordedEvent, Step) async throws -> String

    /// Identifies the function within its app.
    public let id: String
    package let name: String
    package let triggers: [Trigger]
    package let cancelPolicies: [CancelPolicy]
    package let options: FunctionOptions
    /// What decides which runs begin before others.
    package let priority: PriorityExpression?
    package let body: Body
    /// What was found wrong while the function was put together.
    let problems: [String]
    /// The functions that handle the ends of this one: `<id>-failure`, `<id>-cancel`.
    package let handlers: [FunctionDefinition]

    package init(
        id: String, name: String? = nil, triggers: [Trigger], cancelPolicies: [CancelPolicy] = [],
        options: FunctionOptions = FunctionOptions(), priority: PriorityExpression? = nil,
        handlers: [FunctionDefinition] = [],
        problems: [String] = [], body: @escaping Body
    ) {
        self.id = id
        self.name = name ?? id
        self.triggers = triggers
        self.cancelPolicies = cancelPolicies
        self.options = options
        self.priority = priority
        self.handlers = handlers
        self.problems = problems
        self.body = body
    }

    /// Checks everything that can be known before the first event.
    ///
    /// - Throws: An error that lists all that is wrong, with the remedy.
    package func validate() throws(DefinitionError) {
        var found = problems
        if let problem = Self.problem(ofID: id) { found.append(problem) }
        if triggers.isEmpty { found.append("it has no trigger; name at least one event") }
        for trigger in triggers {
            if let problem = EventName.patternProblem(trigger.event) { found.append("trigger: \(problem)") }
        }
        for policy in cancelPolicies {
            if let problem = EventName.patternProblem(policy.event) { found.append("cancelOn: \(problem)") }
        }
        found += options.problems
        if let trigger = triggers.first(where: { EventName.coversEnds($0.event) }), !handlers.isEmpty {
            found.append(
                "it is started by \"\(trigger.event)\", so also by the ends of runs, and has a handler for its own ends: "
                    + "these could start each other for ever. Remove onFailure and onCancel, and handle errors in the body"
            )
        }
        if found.isEmpty {
            found = handlers.compactMap { handler in
                Self.problem(ofID: handler.id).map { "its handler \(handler.id): \($0)" }
            }
        }
        guard found.isEmpty else { throw DefinitionError(functionID: id, problems: found) }
    }

    private static let longestID = 128

    /// Returns what is wrong with the id of a function, nil when nothing is.
    static func problem(ofID id: String) -> String? {
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        func isAllowed(_ byte: UInt8) -> Bool { letters.contains(byte | 0x20) || digits.contains(byte) }
        guard let first = id.utf8.first else { return "the id of a function must not be empty" }
        guard isAllowed(first), id.utf8.allSatisfy({ isAllowed($0) || "._-".utf8.contains($0) }) else {
            return "id \"\(ErrorText.printable(id))\" may contain only letters a to z and A to Z, digits, \".\", \"_\" "
                + "and \"-\", and must begin with a letter or digit"
        }
        return id.utf8.count > longestID
            ? "id \"\(id.prefix(32))…\" has \(id.utf8.count) characters; the limit is \(longestID)" : nil
    }
}
