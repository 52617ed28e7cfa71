/// Which events concern a run: what a cancellation policy or a wait listens for.
package struct Match: Sendable, Hashable {
    /// As its author wrote it; nil when every event of the name matches.
    package var text: String?
    /// An event matches when it matches one of these. Never empty.
    package var branches: [MatchBranch]
    /// What its author should know, in words.
    package var warnings: [String] = []

    /// Every event of the name.
    package static let all = Match(text: nil, branches: [MatchBranch()])

    package init(text: String?, branches: [MatchBranch], warnings: [String] = []) {
        self.text = text
        self.branches = branches
        self.warnings = warnings
    }

    /// Events that have, in one field, the value that the run's own event has in a field.
    ///
    /// - Parameters:
    ///   - path: The field of the run's own event.
    ///   - otherPath: The field of the new event.
    package init(_ path: FieldPath, with otherPath: FieldPath) {
        self.init(
            text: path == otherPath ? "match \(path.text)" : "match \(path.text) with \(otherPath.text)",
            branches: [MatchBranch(triggerPath: path.elements, eventPath: otherPath.elements)])
    }

    /// Events that have a value in a field.
    package init(_ path: FieldPath, equals value: JSON) {
        let part = MatchPart(event: .path(path.elements), trigger: .value(value))
        self.init(
            text: "if async.\(path.text) == \(MatchPart.text(value))",
            branches: [MatchBranch(parts: [part])])
    }
}
