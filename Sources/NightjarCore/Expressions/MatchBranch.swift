/// One alternative of a match: what the index compares, and what is left to be evaluated.
package struct MatchBranch: Sendable, Hashable, Codable {
    package var triggerPath: [String]
    package var eventPath: [String]
    /// Over `event` alone; false or missing: the branch makes no wait. Nil when there is none.
    package var guardExpression: JSON?
    /// The rest, evaluated on candidates only. Nil when there is none.
    package var condition: JSON?

    private enum CodingKeys: String, CodingKey {
        case triggerPath = "trigger_path"
        case eventPath = "event_path"
        case guardExpression = "guard"
        case condition
    }

    package init(
        triggerPath: [String] = [], eventPath: [String] = [], guardExpression: JSON? = nil, condition: JSON? = nil
    ) {
        self.triggerPath = triggerPath
        self.eventPath = eventPath
        self.guardExpression = guardExpression
        self.condition = condition
    }
}
