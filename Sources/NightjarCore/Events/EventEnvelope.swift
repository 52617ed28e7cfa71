import Foundation

/// An event as JSON of its own: with its data in it, and the time in milliseconds.
struct EventEnvelope<Payload: Decodable & Sendable>: Decodable {
    let event: Event<Payload>

    private enum CodingKeys: String, CodingKey {
        case id, name, data, user
        case timestamp = "ts"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        event = Event(
            id: try container.decode(String.self, forKey: .id), name: try container.decode(String.self, forKey: .name),
            data: try container.decode(Payload.self, forKey: .data),
            user: try container.decodeIfPresent(JSON.self, forKey: .user),
            timestamp: try container.decode(Date.self, forKey: .timestamp))
    }
}
