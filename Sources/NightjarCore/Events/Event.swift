public import Foundation

/// Something that happened: a name, its data, and who and when. Never changes.
public struct Event<Payload: Sendable>: Sendable {
    /// Identifies the event; whoever sends the same id again within 24 hours starts nothing new.
    public var id: String
    /// What happened, such as `blog/post.scheduled`.
    public var name: String
    /// The data, as the type that the function was declared with, or as ``JSON``.
    public var data: Payload
    /// Who caused the event, where the sender said so.
    public var user: JSON?
    /// When it happened, by the sender's clock.
    public var timestamp: Date

    /// Makes an event; useful to call a function's body in a test.
    public init(id: String, name: String, data: Payload, user: JSON? = nil, timestamp: Date) {
        self.id = id
        self.name = name
        self.data = data
        self.user = user
        self.timestamp = timestamp
    }
}

/// An event whose data is any JSON: what functions with several or wildcard triggers receive.
public typealias RawEvent = Event<JSON>

extension Event where Payload == JSON {
    /// Decodes the data as `type`.
    ///
    /// - Throws: ``EventError`` when the event has another name than `type` or the data does not fit.
    public func decode<Data: EventData>(_ type: Data.Type = Data.self) throws -> Event<Data> {
        guard name == Data.eventName else {
            throw EventError("event \"\(name)\" is not a \"\(Data.eventName)\" and cannot be decoded as \(Data.self)")
        }
        do {
            let data = try JSONCoding.value(Data.self, from: JSONCoding.text(data))
            return Event<Data>(id: id, name: name, data: data, user: user, timestamp: timestamp)
        } catch {
            throw EventError("event \"\(name)\" (\(id)) is no \(Data.self): \(CodingFailure.text(error))")
        }
    }
}
