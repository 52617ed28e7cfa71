internal import PostgresClient

/// Whether the role may do what a worker does.
enum PrivilegeFacts {
    static func read(_ db: PostgresConnection) throws -> Finding {
        let role = try db.query("SELECT current_user::text")[0].decode(0, as: String.self)
        let missing = try db.query(Statement.doctorPrivileges.sql).map { try $0.decode(0, as: String.self) }
        return finding(role: role, missing: missing)
    }

    static func finding(role: String, missing: [String]) -> Finding {
        guard !missing.isEmpty else { return .ok("privileges", "role \(role) may do what a worker does") }
        let shown = missing.prefix(4).joined(separator: ", ")
        let more = missing.count > 4 ? " and \(missing.count - 4) more" : ""
        return .problem(
            "privileges", "role \(role) lacks \(shown)\(more)",
            do: "GRANT nightjar_worker TO \(role), or connect as the owner of the schema")
    }
}
