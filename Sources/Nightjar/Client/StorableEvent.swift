package import Foundation

/// An event that has its ids already, checked by whoever took it in.
package struct StorableEvent: Sendable {
    /// Under which it is stored: a second one under the same id is the same event.
    package var eventID: UUID
    /// Set when the sender chose an id that cannot be stored: the event gets, in place of its `eventID`, the one that the
    /// first event with this key got.
    package var key: String?
    /// Nil: the tenant of the connection.
    package var tenant: Int32?
    package var name: String
    /// A JSON object.
    package var dataJSON: String
    /// A JSON object.
    package var userJSON: String?
    /// The sender's own id.
    package var id: String?
    /// When it happened; nil: when it is stored.
    package var timestamp: Date?

    package init(
        eventID: UUID = UUIDv7.make(), key: String? = nil, tenant: Int32?, name: String, dataJSON: String,
        userJSON: String? = nil, id: String? = nil, timestamp: Date? = nil
    ) {
        self.eventID = eventID
        self.key = key
        self.tenant = tenant
        self.name = name
        self.dataJSON = dataJSON
        self.userJSON = userJSON
        self.id = id
        self.timestamp = timestamp
    }
}
