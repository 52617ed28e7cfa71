internal import PostgresClient

/// What the view `nightjar.invariants` says, which reads everything.
enum InvariantFacts {
    static func read(_ db: PostgresConnection) throws -> Finding {
        let violated = try db.transaction { db in
            try db.query("SET LOCAL statement_timeout = 0")
            return try db.query(Statement.doctorInvariants.sql).map { row in
                "\(try row.decode("violated", as: String.self)) (\(try row.decode("times", as: Int64.self)), "
                    + "such as run \(try row.decode("example", as: String?.self) ?? "?"))"
            }
        }
        guard !violated.isEmpty else { return .ok("invariants", "nothing that must never be seen was seen") }
        return .problem(
            "invariants", "violated: " + violated.joined(separator: "; "),
            do:
                "keep the database as it is and report this: it is a defect of Nightjar, or somebody wrote to its tables"
        )
    }
}
