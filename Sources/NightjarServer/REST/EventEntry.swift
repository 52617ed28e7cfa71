internal import Foundation
internal import Nightjar
internal import NightjarCore

/// An event as the HTTP API shows it: a row of `api_events.sql` or `api_event.sql`.
struct EventEntry: Sendable {
    var eventID: UUID
    var tenant: Int32
    var name: String
    /// JSON texts.
    var data: String
    var user: String?
    /// The sender's own id.
    var id: String?
    var timestamp: Date
    var receivedAt: Date

    init(_ row: PostgresRow) throws {
        eventID = try row.decode("event_id")
        tenant = try row.decode("tenant_id")
        name = try row.decode("name")
        data = try row.decode("data", as: PostgresJSON.self).text
        user = try row.decode("user", as: PostgresJSON?.self)?.text
        id = try row.decode("id")
        timestamp = try row.decode("ts")
        receivedAt = try row.decode("received_at")
    }

    /// Reads events, in the order given; those that are unknown are left out.
    static func read(_ db: PostgresConnection, _ ids: [UUID]) throws -> [EventEntry] {
        guard !ids.isEmpty else { return [] }
        return try db.query(Statement.apiEvent.sql, [ids]).map(EventEntry.init)
    }

    /// What its readers know it by.
    var publicID: String { id ?? ULID.text(eventID) }

    /// The event in version 1.
    var v1: ReplyValue {
        var value: ReplyValue = [
            "internal_id": .ulid(eventID), "account_id": .uuid(Tenancy.account(of: tenant)),
            "environment_id": .uuid(Tenancy.environment(of: tenant)), "source": nil, "source_id": nil,
            "received_at": .date(receivedAt), "id": .string(publicID), "name": .string(name), "data": .json(data),
        ]
        value.add("user", user.map { .json($0) })
        value.add("ts", .integer(timestamp.milliseconds))
        return value
    }

    /// The event as functions get it.
    var body: ReplyValue {
        .json(
            EventCoding.text(
                RecordedEvent(id: publicID, name: name, dataJSON: data, userJSON: user, timestamp: timestamp)))
    }
}
