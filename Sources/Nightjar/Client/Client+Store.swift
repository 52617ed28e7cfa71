package import Foundation
internal import PostgresClient

extension Client {
    /// Stores events, all or none, in this order, and answers under which ids once they are durable.
    ///
    /// Events that are stored already are left alone, so a connection that is lost on the way does no harm: the same is
    /// done again.
    /// - Throws: `PostgresError`.
    package func store(_ events: [StorableEvent]) async throws -> [UUID] {
        guard !events.isEmpty else { return [] }
        var attempt = 0
        while true {
            do {
                let ids = try await source.withConnection { db in try Self.store(events, db) }
                await hints.send([.ready, .pending])
                return ids
            } catch let error as PostgresError where Self.mayBeTriedAgain(error) && attempt < 5 {
                attempt += 1
                try await Task.sleep(for: .milliseconds(20 << attempt))
            }
        }
    }

    private static func mayBeTriedAgain(_ error: PostgresError) -> Bool {
        error.isRetryable || error.code == .commitOutcomeUnknown
    }

    private static func store(_ events: [StorableEvent], _ db: PostgresConnection) throws -> [UUID] {
        let keyed = events.indices.filter { events[$0].key != nil }
        guard !keyed.isEmpty else {
            try insert(events, db)
            return events.map(\.eventID)
        }
        return try db.transaction { db in
            var events = events
            let tenants = keyed.map { events[$0].tenant }
            let keys = keyed.map { events[$0].key }
            try db.execute(Statement.claimEventIDs.sql, [tenants, keys, keyed.map { events[$0].eventID }])
            let claimed = try db.query(Statement.claimedEventIDs.sql, [tenants, keys])
            for (index, row) in zip(keyed, claimed) { events[index].eventID = try row.decode(0) }
            try insert(events, db)
            return events.map(\.eventID)
        }
    }

    private static func insert(_ events: [StorableEvent], _ db: PostgresConnection) throws {
        try db.execute(
            Statement.storeEvents.sql,
            [
                events.map(\.eventID), events.map(\.tenant), events.map(\.name),
                events.map { PostgresJSON($0.dataJSON) }, events.map { $0.userJSON.map { PostgresJSON($0) } },
                events.map(\.id), events.map(\.timestamp),
            ])
    }
}
