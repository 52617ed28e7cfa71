internal import PostgresClient

/// Detaches and drops the partitions of a week that hold nothing. Each step finds out by itself where an earlier one was broken off.
struct WeekRemoval: Sendable {
    let week: RetentionWeek
    let timeout: Duration
    var onStage: @Sendable (Retention.Stage, PostgresConnection) throws -> Void = { _, _ in }

    /// Detaches and drops them. True: something has come meanwhile, and stays.
    func remove(_ db: PostgresConnection) throws -> Bool {
        var stays = false
        try db.script("SET lock_timeout = '\(timeout.wholeMilliseconds)ms'")
        // What belongs to runs goes before them.
        for table in week.tables.reversed() {
            try db.script(
                "ALTER TABLE nightjar.\(RetentionWeek.parent(of: table)) DETACH PARTITION nightjar.\(table) CONCURRENTLY"
            )
            try onStage(.detached, db)
            if try !drop(table, db) { stays = true }
        }
        return stays
    }

    /// Does the rest of detachments that were broken off. True: something has come meanwhile, and stays.
    func finish(_ db: PostgresConnection) throws -> Bool {
        var stays = false
        for table in week.loose {
            let isPending = try db.query(
                "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = ('nightjar.' || $1)::regclass)", [table])[0]
                .decode(0, as: Bool.self)
            if isPending {
                try db.script(
                    "ALTER TABLE nightjar.\(RetentionWeek.parent(of: table)) DETACH PARTITION nightjar.\(table) FINALIZE"
                )
            }
            if try !drop(table, db) { stays = true }
        }
        return stays
    }

    /// Whether a table is gone. If rows have come, by ids of a clock that is weeks behind, it is attached again.
    private func drop(_ table: String, _ db: PostgresConnection) throws -> Bool {
        try db.transaction { db in
            try db.script("LOCK TABLE nightjar.\(table) IN ACCESS EXCLUSIVE MODE")
            guard try db.query("SELECT EXISTS (SELECT FROM nightjar.\(table))")[0].decode(0, as: Bool.self) else {
                try db.script("DROP TABLE nightjar.\(table)")
                return true
            }
            try db.script(
                "ALTER TABLE nightjar.\(RetentionWeek.parent(of: table)) ATTACH PARTITION nightjar.\(table) \(week.bounds)"
            )
            return false
        }
    }
}
