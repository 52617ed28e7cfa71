package import Foundation
package import NightjarCore
internal import PostgresClient

/// An event as it is stored.
package struct EventRecord: Sendable {
    /// The id under which it is stored.
    package var eventID: UUID
    package var name: String
    package var data: JSON
    package var user: JSON?
    /// The sender's own id, if it gave one.
    package var id: String?
    /// When it happened, or, ahead of now, when its runs begin.
    package var timestamp: Date
    package var receivedAt: Date

    /// What its readers know it by.
    package var publicID: String { id ?? eventID.uuidString.lowercased() }

    init(_ row: PostgresRow) throws {
        eventID = try row.decode("event_id")
        name = try row.decode("name")
        data = try row.decode("data", as: PostgresJSON.self).decode()
        user = try row.decode("user", as: PostgresJSON?.self)?.decode()
        id = try row.decode("id")
        timestamp = try row.decode("ts")
        receivedAt = try row.decode("received_at")
    }

    static func read(_ db: PostgresConnection, eventID: UUID) throws -> EventRecord? {
        try db.query(Statement.reportEvent.sql, [eventID]).first.map(EventRecord.init)
    }
}
