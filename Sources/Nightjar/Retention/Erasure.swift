package import Foundation
package import PostgresClient

/// A request to erase events, with all that they started.
package struct Erasure: Sendable {
    /// What is to be erased.
    package enum Target: Sendable {
        case event(UUID)
        /// Events that have a value, as JSON, at a path such as `data.email`.
        case value(path: String, json: String)
        /// What is older.
        case before(Date)
    }

    /// What it would hit.
    package struct Preview: Sendable {
        package var events: Int64
        package var runs: Int64
        package var liveRuns: Int64
        package var firstAt: Date?
        package var lastAt: Date?
        /// Steps of other runs that hold such an event.
        package var answered: Int64
        /// Runs whose event is no longer kept: nobody can tell whether they are meant.
        package var unreached: Int64
        /// Nightjar's own events of runs that are no longer kept, likewise.
        package var untold: Int64
    }

    /// How it stands.
    package struct Standing: Sendable, Equatable {
        package var isDone: Bool
        package var examined: Int64
        package var events: Int64
        package var runs: Int64
        /// Steps of other runs that had taken such an event in, and are blank now.
        package var answered: Int64
        /// Events that the erased runs have sent, and that stay.
        package var sent: Int64
        /// Runs whose event is no longer kept: nobody can tell whether they are meant.
        package var unreached: Int64
        /// Nightjar's own events that stay, of runs that are no longer kept, likewise.
        package var untold: Int64
        /// Until then the ids are remembered that senders gave such events.
        package var idsUntil: Date?
        /// What is in the way.
        package var waitsFor: String?
    }

    package static func preview(_ db: PostgresConnection, of target: Target) throws -> Preview {
        let row = try db.query(Statement.erasePreview.sql, target.parameters)[0]
        return Preview(
            events: try row.decode("events"), runs: try row.decode("runs"), liveRuns: try row.decode("live_runs"),
            firstAt: try row.decode("first_at"), lastAt: try row.decode("last_at"),
            answered: try row.decode("answered"), unreached: try row.decode("unreached"),
            untold: try row.decode("untold"))
    }

    /// Makes the request; workers carry it out, and whoever calls ``advance(_:_:)``.
    package static func request(
        _ db: PostgresConnection, _ target: Target, cancels: Bool, actor: String, reason: String?
    ) throws -> UUID {
        try db.query(Statement.erase.sql, target.parameters + [cancels, actor, reason])[0].decode(0)
    }

    /// Carries a request one chunk further, or any of them. True: something is in the way, ask again a little later. Nil: there is
    /// nothing to do, or somebody else is at it.
    package static func advance(_ db: PostgresConnection, _ id: UUID?, chunk: Int = 1_000) throws -> Bool? {
        try db.query(Statement.eraseAdvance.sql, [Int32(chunk), id]).first?.decode("waits")
    }

    /// Applies what is pending, as workers do: what is to be erased may wait for that.
    package static func applyPending(_ db: PostgresConnection) throws {
        _ = try db.query(Statement.applyPending.sql, [Int32(256), Int32(500), Int64(0)])
    }

    /// How a request stands; nil: there is none.
    package static func standing(_ db: PostgresConnection, _ id: UUID) throws -> Standing? {
        try db.query(Statement.eraseStanding.sql, [id]).first.map { row in
            Standing(
                isDone: try row.decode("state", as: Int16.self) == 3, examined: try row.decode("examined"),
                events: try row.decode("events"), runs: try row.decode("runs"), answered: try row.decode("answered"),
                sent: try row.decode("sent"), unreached: try row.decode("unreached"), untold: try row.decode("untold"),
                idsUntil: try row.decode("ids_until"), waitsFor: try row.decode("waits_for"))
        }
    }
}

extension Erasure.Target {
    fileprivate var parameters: [any PostgresEncodable] {
        let (event, path, value, before): (UUID?, String?, PostgresJSON?, Date?) =
            switch self {
            case .event(let id): (id, nil, nil, nil)
            case .value(let path, let json): (nil, path, PostgresJSON(json), nil)
            case .before(let date): (nil, nil, nil, date)
            }
        return [event, path, value, before]
    }
}
