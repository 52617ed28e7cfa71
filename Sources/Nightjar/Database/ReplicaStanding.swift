package import PostgresClient

/// Whether a standby may be asked instead of the primary.
package struct ReplicaStanding: Sendable, Equatable {
    package var isStandby: Bool
    /// For how many seconds what it shows is old; nil: it has replayed nothing yet.
    package var lag: Double?

    package init(isStandby: Bool, lag: Double?) {
        self.isStandby = isStandby
        self.lag = lag
    }

    /// See `replica_standing.sql`.
    package static func read(_ db: PostgresConnection) throws -> ReplicaStanding {
        let row = try db.query(Statement.replicaStanding.sql)[0]
        return ReplicaStanding(isStandby: try row.decode("standby"), lag: try row.decode("lag"))
    }

    /// Why it may not be asked; nil: it may.
    package func problem(maximumLag: Duration) -> String? {
        guard isStandby else { return "it is no standby, so it may have become another database" }
        guard let lag else { return "it has replayed nothing yet" }
        let limit = maximumLag / .seconds(1)
        return lag <= limit ? nil : "it is \(Int(lag)) s behind, and \(Int(limit)) s are allowed"
    }

    /// Whether an error says something about the replica, and not about what was asked.
    package static func isItsOwn(_ error: any Error) -> Bool {
        guard let error = error as? PostgresError else { return false }
        guard let state = error.sqlState else { return error.code != .encoding }
        // Connections, conflicts with what it replays, a schema that it does not have yet, resources, its end, its machine.
        return ["08", "28", "3D", "40", "42", "53", "55", "57", "58", "XX"].contains(state.rawValue.prefix(2))
    }
}
