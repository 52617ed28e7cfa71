internal import PostgresClient

/// Whether roles that are bound to a tenant still cannot leave it: they may have been given more since.
struct BondFacts: Sendable {
    /// What is wrong with a bond.
    struct Weakness: Sendable {
        var role: String
        /// Why it does not hold; nil: there is no such role.
        var why: String?
    }

    var weak: [Weakness]

    static func read(_ db: PostgresConnection) throws -> BondFacts {
        BondFacts(
            weak: try db.query(Statement.doctorBonds.sql).map {
                Weakness(role: try $0.decode("role"), why: try $0.decode("why"))
            })
    }

    var finding: Finding {
        let loose = weak.compactMap { bond in bond.why.map { "\"\(bond.role)\" (\($0))" } }
        if !loose.isEmpty {
            return .problem(
                "bonds", "no bond to a tenant holds the role \(loose.joined(separator: ", "))",
                do: "take that from the role, or release it: nightjar tenant bind TENANT --role ROLE --release")
        }
        guard let gone = weak.first else { return .ok("bonds", "roles that are bound to a tenant cannot leave it") }
        let name = gone.role.replacing("'", with: "''")
        return .warning(
            "bonds", "the role \"\(gone.role)\" is bound to a tenant and does not exist; renamed, it would be free",
            do: "bind it under its new name, and release the old one: SELECT nightjar.bind_role('\(name)', NULL)")
    }
}
