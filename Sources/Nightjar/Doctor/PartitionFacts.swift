internal import PostgresClient

/// How far ahead a log has partitions.
struct PartitionFacts: Sendable {
    var log: String
    /// Days from now until the first week that has none.
    var days: Double

    static func read(_ db: PostgresConnection) throws -> [PartitionFacts] {
        try db.query(Statement.doctorPartitions.sql).map {
            PartitionFacts(log: try $0.decode("log"), days: try $0.decode("days"))
        }
    }

    static func finding(_ facts: [PartitionFacts]) -> Finding {
        guard let first = facts.min(by: { $0.days < $1.days }) else {
            return .ok("partitions", "made for more than a year ahead")
        }
        let remedy = "SELECT nightjar.make_partitions(); a running worker does so by itself"
        if first.days <= 0 {
            return .problem("partitions", "nightjar.\(first.log) has none for now: inserts fail", do: remedy)
        }
        let text = "nightjar.\(first.log) has partitions for the next \(Int(first.days)) days"
        if first.days < 7 { return .problem("partitions", "\(text) only: then inserts fail", do: remedy) }
        if first.days < 21 { return .warning("partitions", "\(text) only", do: remedy) }
        return .ok("partitions", text)
    }
}
