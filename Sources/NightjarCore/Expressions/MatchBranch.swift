/// One alternative of a match: what the index compares, and what is left to be evaluated.
///
/// Two empty paths match every event of the name. Else both are paths of one field each, or both are tuples: an empty
/// text, then one JSON text for each part; see ``MatchPart``.
package struct MatchBranch: Sendable, Hashable {
    /// What of the run's own event is compared.
    package var triggerPath: [String]
    /// With what of the new event.
    package var eventPath: [String]
    /// A stored expression over the run's own event alone: unless it is true, nothing is waited for. Nil when none.
    package var guardExpression: JSON?
    /// The stored expression that decides about events whose compared values are equal. Nil when none.
    package var condition: JSON?

    package init(
        triggerPath: [String] = [], eventPath: [String] = [], guardExpression: JSON? = nil, condition: JSON? = nil
    ) {
        self.triggerPath = triggerPath
        self.eventPath = eventPath
        self.guardExpression = guardExpression
        self.condition = condition
    }

    /// Makes the paths of parts, of which the order does not matter.
    init(parts: [MatchPart], guardExpression: JSON? = nil, condition: JSON? = nil) {
        self.init(guardExpression: guardExpression, condition: condition)
        let parts = Set(parts).sorted { $0.text.utf8.lexicographicallyPrecedes($1.text.utf8) }
        if parts.count == 1, case .path(let trigger) = parts[0].trigger, case .path(let event) = parts[0].event {
            (triggerPath, eventPath) = (trigger, event)
        } else if !parts.isEmpty {
            eventPath = [""] + parts.map(\.event.text)
            triggerPath = [""] + parts.map(\.trigger.text)
        }
    }
}

extension MatchBranch: Codable {
    private enum CodingKeys: String, CodingKey {
        case triggerPath = "trigger_path"
        case eventPath = "event_path"
        case guardExpression = "guard"
        case condition
    }

    /// Encodes all members, also those that are nil.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(triggerPath, forKey: .triggerPath)
        try container.encode(eventPath, forKey: .eventPath)
        try container.encode(guardExpression, forKey: .guardExpression)
        try container.encode(condition, forKey: .condition)
    }
}
