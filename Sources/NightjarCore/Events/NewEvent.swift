public import Foundation

/// An event to be sent.
public struct NewEvent: Sendable, Hashable {
    /// What happened: 1 to 255 characters without control characters.
    public let name: String
    /// The data as JSON text.
    public let dataJSON: String
    /// Who caused it, as JSON text.
    public let userJSON: String?
    /// Identifies the event: a second one with the same id within 24 hours has no effect. Nil: it gets an id that is
    /// its own alone.
    public let id: String?
    /// The id under which it is stored; nil until somebody chooses it.
    package private(set) var eventID: UUID?
    /// When it happened; the moment it is stored when nil.
    public let timestamp: Date?

    /// Makes an event of typed data.
    ///
    /// - Throws: ``EventError`` when the name is not allowed or the data cannot be stored as JSON.
    public init<Data: EventData>(_ data: Data, id: String? = nil, at timestamp: Date? = nil, user: JSON? = nil) throws {
        try self.init(
            checking: Data.eventName, data: Self.text(data, of: Data.eventName), user: user, id: id, at: timestamp)
    }

    /// Makes an event of any name and data.
    ///
    /// - Throws: ``EventError`` when the name is not allowed or the data cannot be stored as JSON.
    public init(name: String, data: JSON, id: String? = nil, at timestamp: Date? = nil, user: JSON? = nil) throws {
        try self.init(checking: name, data: Self.text(data, of: name), user: user, id: id, at: timestamp)
    }

    /// Makes an event whose data is JSON text already.
    ///
    /// - Throws: ``EventError`` when the name is not allowed or the text is not valid JSON.
    public init(name: String, json: String, id: String? = nil, at timestamp: Date? = nil, user: JSON? = nil) throws {
        do {
            _ = try JSONCoding.value(JSON.self, from: json)
        } catch {
            throw EventError("the data of event \"\(name)\" is not valid JSON: \(CodingFailure.text(error))")
        }
        try self.init(checking: name, data: json, user: user, id: id, at: timestamp)
    }

    private static let sizeLimit = 4 << 20
    private static let timestamps =
        Date(timeIntervalSince1970: -62_135_596_800)..<Date(timeIntervalSince1970: 253_402_300_800)

    private init(checking name: String, data: String, user: JSON?, id: String?, at timestamp: Date?) throws {
        if let problem = EventName.problem(name) { throw EventError(problem) }
        if let id, id.isEmpty || id.utf8.count > 255 || id.contains("\0") {
            throw EventError("the id of an event must have 1 to 255 bytes and no NUL; \"\(name)\" has another")
        }
        if let problem = Self.problem(ofData: data) { throw EventError("the data of event \"\(name)\" \(problem)") }
        if let timestamp, !Self.timestamps.contains(timestamp) {
            throw EventError("the timestamp of event \"\(name)\" must lie in the years 1 to 9999")
        }
        let user = try user.map { try Self.text($0, of: name) }
        if JSONText.containsNUL(data) || JSONText.containsNUL(user ?? "") {
            throw EventError("event \"\(name)\" contains a NUL character, which PostgreSQL cannot store; remove it")
        }
        self.init(name: name, dataJSON: data, userJSON: user, id: id, timestamp: timestamp)
    }

    /// Returns what is wrong with valid JSON as the data of an event, nil when nothing is.
    static func problem(ofData data: String) -> String? {
        guard data.utf8.first(where: { !" \n\r\t".utf8.contains($0) }) == UInt8(ascii: "{") else {
            return "must be a JSON object, such as {\"id\": 1}"
        }
        return data.utf8.count > sizeLimit
            ? "has \(data.utf8.count) bytes; the limit is \(sizeLimit). Store it elsewhere, and send where it is" : nil
    }

    private init(name: String, dataJSON: String, userJSON: String?, id: String?, timestamp: Date?) {
        self.name = name
        self.dataJSON = dataJSON
        self.userJSON = userJSON
        self.id = id
        self.timestamp = timestamp
    }

    /// The same event, with the id under which it is to be stored.
    package func stored(as eventID: UUID) -> NewEvent {
        var event = self
        event.eventID = eventID
        return event
    }

    /// What its readers know it by.
    package var publicID: String? { id ?? eventID?.uuidString.lowercased() }

    private static func text(_ value: some Encodable, of name: String) throws -> String {
        do {
            return try JSONCoding.text(value)
        } catch {
            throw EventError("the data of event \"\(name)\" cannot be written as JSON: \(CodingFailure.text(error))")
        }
    }
}
