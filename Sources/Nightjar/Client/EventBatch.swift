internal import Foundation
internal import NightjarCore
internal import PostgresClient

/// Events with the ids that they get, so that sending them twice is noticed.
struct EventBatch: Sendable {
    private let events: [NewEvent]
    private let keys: [UUID]

    init(_ events: [NewEvent]) {
        self.events = events
        keys = events.map { _ in UUIDv7.make() }
    }

    /// What identifies each event to its readers.
    var ids: [String] {
        zip(events, keys).map { $0.id ?? $1.uuidString.lowercased() }
    }

    /// See `send.sql`.
    func insert(_ db: PostgresConnection) throws {
        try db.execute(
            Statement.send.sql,
            [
                keys, events.map(\.name), events.map { PostgresJSON($0.dataJSON) },
                events.map { $0.userJSON.map { PostgresJSON($0) } }, events.map(\.id), events.map(\.timestamp),
            ])
    }
}
