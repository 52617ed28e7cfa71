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

/// A week of a log that should have been dropped and could not be.
struct OverdueWeek: Sendable {
    var log: String
    var week: String
    var bytes: Int64
    var reason: String?
    /// Somebody who may drop it has tried.
    var wasTried: Bool

    static func read(_ db: PostgresConnection) throws -> [OverdueWeek] {
        try db.query(Statement.doctorRetention.sql).map {
            OverdueWeek(
                log: try $0.decode("log"), week: try $0.decode("week"), bytes: try $0.decode("bytes"),
                reason: try $0.decode("reason"), wasTried: try $0.decode("tried"))
        }
    }

    static func finding(_ weeks: [OverdueWeek]) -> Finding {
        guard let first = weeks.first else {
            return .ok("retention", "nothing is kept for longer than its policy says")
        }
        let text =
            "\(weeks.count) weeks of logs are overdue, the first \(first.log) of \(first.week) (\(first.bytes >> 20) MiB)"
        if !first.wasTried {
            return .warning(
                "retention", "\(text): nobody has tried to drop them",
                do:
                    "run 'nightjar retention apply' as the owner of the schema, or a worker whose role is a member of it"
            )
        }
        return .warning(
            "retention", text + (first.reason.map { ": \($0)" } ?? ""),
            do: "look at them with 'nightjar retention apply --dry-run'; long transactions are under 'horizon'")
    }
}
