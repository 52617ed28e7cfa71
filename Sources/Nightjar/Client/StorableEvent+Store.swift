internal import Foundation
internal import NightjarCore
internal import PostgresClient

extension StorableEvent {
    /// An event of this client's own tenant.
    init(_ event: NewEvent) {
        self.init(
            tenant: nil, name: event.name, dataJSON: event.dataJSON, userJSON: event.userJSON, id: event.id,
            timestamp: event.timestamp)
    }

    /// What identifies it to its readers.
    var readableID: String { id ?? eventID.uuidString.lowercased() }

    /// Stores events in this order, by one statement, and sends the hints that the session has kept; answers under which ids.
    /// See `store_events.sql`.
    static func store(_ events: [StorableEvent], _ db: PostgresConnection) throws -> [UUID] {
        let keyed = events.indices.filter { events[$0].key != nil }
        guard !keyed.isEmpty else {
            try db.execute(
                Statement.storeEvents.sql, parameters(of: events), afterwards: Statement.sendHints.sql)
            return events.map(\.eventID)
        }
        let ids = try db.transaction { db in
            var events = events
            let tenants = keyed.map { events[$0].tenant }
            let keys = keyed.map { events[$0].key }
            try db.execute(Statement.claimEventIDs.sql, [tenants, keys, keyed.map { events[$0].eventID }])
            let claimed = try db.query(Statement.claimedEventIDs.sql, [tenants, keys])
            for (index, row) in zip(keyed, claimed) { events[index].eventID = try row.decode(0) }
            try insert(events, db)
            return events.map(\.eventID)
        }
        // The events are there; a hint may be lost.
        _ = try? db.execute(Statement.sendHints.sql)
        return ids
    }

    static func insert(_ events: [StorableEvent], _ db: PostgresConnection) throws {
        try db.execute(Statement.storeEvents.sql, parameters(of: events))
    }

    private static func parameters(of events: [StorableEvent]) -> [any PostgresEncodable] {
        [
            events.map(\.eventID), events.map(\.tenant), events.map(\.name), events.map { PostgresJSON($0.dataJSON) },
            events.map { $0.userJSON.map { PostgresJSON($0) } }, events.map(\.id), events.map(\.timestamp),
        ]
    }
}
