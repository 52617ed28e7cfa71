package import Foundation

/// An event as it is stored: with its data still as JSON text.
package struct RecordedEvent: Sendable, Hashable {
    package var id: String
    package var name: String
    package var dataJSON: String
    package var userJSON: String?
    package var timestamp: Date

    package init(id: String, name: String, dataJSON: String, userJSON: String? = nil, timestamp: Date) {
        self.id = id
        self.name = name
        self.dataJSON = dataJSON
        self.userJSON = userJSON
        self.timestamp = timestamp
    }

    /// Decodes the data as the type that a function was declared with.
    func decode<Payload: Decodable & Sendable>(_ type: Payload.Type) throws -> Event<Payload> {
        do {
            return Event(
                id: id, name: name, data: try JSONCoding.value(type, from: dataJSON),
                user: try userJSON.map { try JSONCoding.value(JSON.self, from: $0) }, timestamp: timestamp)
        } catch {
            throw PermanentError(
                code: RunError.Code.eventMismatch,
                "the data of event \"\(name)\" (\(id)) is no \(type): \(CodingFailure.text(error))")
        }
    }
}
