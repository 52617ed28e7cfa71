internal import Foundation
internal import NightjarCore
internal import PostgresClient

/// What has come for the open steps of a run that is being executed.
struct Arrivals: Sendable {
    var run: UUID
    var all: [Arrival] = []
    /// How many answers the run has had.
    var mail: Int

    /// Reads what has come for runs that a session leases. See `arrivals.sql`.
    static func read(_ db: PostgresConnection, of runs: [UUID], session: UUID) throws -> [Arrivals] {
        var found: [UUID: Arrivals] = [:]
        for row in try db.query(Statement.arrivals.sql, [session, runs]) {
            let run = try row.decode(0, as: UUID.self)
            if found[run] == nil { found[run] = Arrivals(run: run, mail: Int(try row.decode(1, as: Int32.self))) }
            guard let step = try row.decode(2, as: String?.self) else { continue }
            found[run]?.all.append(
                Arrival(
                    step: step, output: try row.decode(3, as: PostgresJSON?.self)?.text,
                    error: try row.decode(4, as: PostgresJSON?.self).map { try $0.decode(RunError.self) }))
        }
        return Array(found.values)
    }
}
