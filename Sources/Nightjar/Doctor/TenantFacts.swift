internal import PostgresClient

/// Whether tenants are kept apart, and whether somebody has left one between two states.
struct TenantFacts: Sendable {
    /// For how long a suspension or deletion may be under way without a word.
    private static let patience = 60.0

    /// Tenants by name, each with the command that would end what was begun.
    var unfinished: [(name: String, command: String)]
    /// Tables and views that show rows of all tenants to whoever may read them.
    var open: [String]

    static func read(_ db: PostgresConnection) throws -> TenantFacts {
        var facts = TenantFacts(unfinished: [], open: [])
        for row in try db.query(Statement.doctorTenants.sql, [patience]) {
            if let name = try row.decode("name", as: String?.self) {
                facts.unfinished.append((name, try row.decode("command")))
            } else {
                facts.open.append(try row.decode("open"))
            }
        }
        return facts
    }

    var finding: Finding {
        if !open.isEmpty {
            return .problem(
                "tenants", "\(open.joined(separator: ", ")): rows of all tenants are shown to whoever may read them",
                do: "SELECT nightjar.seal(), as the owner of the schema")
        }
        guard let first = unfinished.first else { return .ok("tenants", "kept apart by row-level security") }
        let others = unfinished.count > 1 ? " and \(unfinished.count - 1) more" : ""
        return .warning(
            "tenants", "somebody began to \(first.command) tenant \"\(first.name)\"\(others), and did not end it",
            do: "nightjar tenant \(first.command) '\(first.name)'")
    }
}
