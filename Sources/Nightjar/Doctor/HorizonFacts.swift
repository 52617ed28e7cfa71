internal import PostgresClient

/// Somebody who keeps vacuum from removing dead rows.
struct HorizonFacts: Sendable {
    var kind: String
    var processID: Int32?
    var name: String
    var state: String
    var query: String?
    /// How many transactions began since its snapshot.
    var transactions: Int64
    /// For how many seconds, where the server knows.
    var heldFor: Double?

    static func read(_ db: PostgresConnection) throws -> [HorizonFacts] {
        try db.query(Statement.doctorHorizon.sql).map { row in
            HorizonFacts(
                kind: try row.decode("kind"), processID: try row.decode("pid"), name: try row.decode("name"),
                state: try row.decode("state"), query: try row.decode("query"),
                transactions: try row.decode("transactions", as: Int64?.self) ?? 0, heldFor: try row.decode("held_for"))
        }
    }

    /// The queue's dead rows cost every claim a look once a snapshot is a minute old; after ten they dominate.
    static func finding(_ holders: [HorizonFacts]) -> Finding {
        guard let worst = holders.max(by: { $0.weight < $1.weight }) else {
            return .ok("horizon", "nobody holds an old snapshot")
        }
        guard worst.weight >= 60 else {
            return .ok("horizon", "the oldest snapshot is \(worst.age) old (\(worst.text))")
        }
        let message = "\(worst.text) holds a snapshot that is \(worst.age) old: vacuum cannot remove what died since"
        return worst.weight >= 600
            ? .problem("horizon", message, do: worst.remedy) : .warning("horizon", message, do: worst.remedy)
    }

    /// Seconds; a holder without a time counts one for each thousand transactions.
    private var weight: Double { heldFor ?? Double(transactions) / 1_000 }

    private var age: String {
        let count = "\(transactions) transactions"
        return heldFor.map { "\(Int($0)) s, \(count)," } ?? count
    }

    private var text: String {
        switch kind {
        case "backend":
            let statement = query.map { ", last statement: \($0)" } ?? ""
            return "process \(processID ?? 0) of \(name), \(state)\(statement)"
        case "prepared": return "prepared transaction '\(name)' of \(state)"
        case "slot": return "replication slot \(name), \(state)"
        default: return "standby \(name)"
        }
    }

    private var remedy: String {
        switch kind {
        case "backend": "let it end its transaction, or SELECT pg_terminate_backend(\(processID ?? 0))"
        case "prepared": "COMMIT PREPARED '\(name)' or ROLLBACK PREPARED '\(name)'"
        case "slot": "let its consumer catch up, or SELECT pg_drop_replication_slot('\(name)')"
        default: "look for a long query there, or turn hot_standby_feedback off"
        }
    }
}
