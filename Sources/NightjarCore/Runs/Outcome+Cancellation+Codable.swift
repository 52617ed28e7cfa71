import Foundation

extension Outcome.Cancellation: Codable {
    private enum CodingKeys: String, CodingKey {
        case kind, policy, timeout, parent, actor, reason, was, session, executing, open
        case eventID = "event_id"
        case eventName = "event_name"
        case policyID = "policy_id"
        case bulkID = "bulk_id"
        case askedAt = "asked_at"
        case appliedAt = "applied_at"
    }

    /// Decodes the cause as it is recorded, also one of a newer Nightjar: what it does not know is left out.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func value<Value: Decodable>(_ key: CodingKeys, as type: Value.Type = Value.self) -> Value? {
            try? container.decodeIfPresent(type, forKey: key)
        }
        // As text, whatever the decoder makes of dates: the database writes ISO 8601 into its JSON.
        func date(_ key: CodingKeys) -> Date? { value(key, as: String.self).flatMap(ISO8601.date) }

        self.init(kind: try container.decode(Kind.self, forKey: .kind))
        eventID = value(.eventID)
        eventName = value(.eventName)
        policyID = value(.policyID)
        policy = value(.policy)
        timeout = value(.timeout)
        parent = value(.parent)
        bulkID = value(.bulkID) ?? value(.bulkID, as: Int64.self).map(String.init)
        actor = value(.actor)
        reason = value(.reason)
        askedAt = date(.askedAt)
        appliedAt = date(.appliedAt)
        was = value(.was)
        session = value(.session)
        executing = value(.executing) ?? []
        open = value(.open) ?? []
    }

    /// Encodes the cause as it is recorded.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind, forKey: .kind)
        try container.encodeIfPresent(eventID?.uuidString.lowercased(), forKey: .eventID)
        try container.encodeIfPresent(eventName, forKey: .eventName)
        try container.encodeIfPresent(policyID, forKey: .policyID)
        try container.encodeIfPresent(policy, forKey: .policy)
        try container.encodeIfPresent(timeout, forKey: .timeout)
        try container.encodeIfPresent(parent?.uuidString.lowercased(), forKey: .parent)
        try container.encodeIfPresent(bulkID, forKey: .bulkID)
        try container.encodeIfPresent(actor, forKey: .actor)
        try container.encodeIfPresent(reason, forKey: .reason)
        try container.encodeIfPresent(askedAt.map(ISO8601.text), forKey: .askedAt)
        try container.encodeIfPresent(appliedAt.map(ISO8601.text), forKey: .appliedAt)
        try container.encodeIfPresent(was, forKey: .was)
        try container.encodeIfPresent(session?.uuidString.lowercased(), forKey: .session)
        if !executing.isEmpty { try container.encode(executing, forKey: .executing) }
        if !open.isEmpty { try container.encode(open, forKey: .open) }
    }
}

extension Outcome.Cancellation.Kind: RawRepresentable, Codable {
    /// Reads the recorded text; of an unknown one it makes ``other(_:)``.
    public init(rawValue: String) {
        self =
            switch rawValue {
            case "event": .event
            case "timeout": .timeout
            case "manual": .manual
            case "bulk": .bulk
            case "parent": .parent
            default: .other(rawValue)
            }
    }

    /// The recorded text.
    public var rawValue: String {
        switch self {
        case .event: "event"
        case .timeout: "timeout"
        case .manual: "manual"
        case .bulk: "bulk"
        case .parent: "parent"
        case .other(let name): name
        }
    }
}

extension Outcome.Cancellation.Limit: RawRepresentable, Codable {
    /// Reads the recorded text; of an unknown one it makes ``other(_:)``.
    public init(rawValue: String) {
        self =
            switch rawValue {
            case "start": .start
            case "finish": .finish
            default: .other(rawValue)
            }
    }

    /// The recorded text.
    public var rawValue: String {
        switch self {
        case .start: "start"
        case .finish: "finish"
        case .other(let name): name
        }
    }
}
