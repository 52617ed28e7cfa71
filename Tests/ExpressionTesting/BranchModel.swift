package import NightjarCore

/// What the match index does with the branches of a match, in memory.
package struct BranchModel: Sendable {
    private let evaluator: ExpressionEvaluator
    /// As when a run begins to wait: there is no new event yet.
    private let beforehand: ExpressionEvaluator

    package init(event: JSON, async: JSON) {
        evaluator = ExpressionEvaluator(event: event, async: async)
        beforehand = ExpressionEvaluator(event: event, async: .null)
    }

    /// Says whether the new event matches.
    package func matches(_ match: Match) -> Bool { match.branches.contains(where: matches) }

    private func matches(_ branch: MatchBranch) -> Bool {
        guard isTrue(branch.guardExpression, beforehand) else { return false }
        let waiting = Self.keys(branch.triggerPath, of: evaluator.event)
        let arriving = Self.keys(branch.eventPath, of: evaluator.async)
        return waiting.contains { arriving.contains($0) } && isTrue(branch.condition, evaluator)
    }

    private func isTrue(_ stored: JSON?, _ evaluator: ExpressionEvaluator) -> Bool {
        guard let stored else { return true }
        return SyntaxNode(stored: stored).map(evaluator.matches) ?? false
    }

    /// The values that an event is found by at a path; none if something is missing.
    static func keys(_ path: [String], of event: ExpressionValue) -> [[ExpressionValue]] {
        guard path.first == "" else { return event.at(path).map { path.isEmpty ? [[]] : [[$0]] } ?? [] }
        return path.dropFirst().reduce([[]]) { keys, text in
            let values = values(of: text, event)
            return keys.flatMap { key in values.map { key + [$0] } }
        }
    }

    private static func values(of text: String, _ event: ExpressionValue) -> [ExpressionValue] {
        guard let part = try? JSONCoding.value(JSON.self, from: text) else { return [] }
        if let path = part.array { return event.at(path.compactMap(\.string)).map { [$0] } ?? [] }
        if let value = part["is"] { return [ExpressionValue(value)] }
        switch event.at((part["each"]?.array ?? []).compactMap(\.string)) {
        case .array(let values): return values
        case .object(let members): return members.keys.map(ExpressionValue.string)
        case .null, .bool, .number, .string, nil: return []
        }
    }
}
