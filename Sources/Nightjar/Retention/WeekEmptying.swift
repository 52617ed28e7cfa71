internal import Foundation
internal import PostgresClient

/// Empties the partitions of a week but for what is needed: one transaction, all or nothing.
///
/// What is needed is read aside, the tables are locked and truncated, and it is put back frozen: visible to every snapshot, also to
/// older ones whose statements have waited for the lock. Nobody finds a row missing that it needs.
struct WeekEmptying: Sendable {
    enum Result: Sendable {
        /// How many rows the first of the tables holds now.
        case emptied(Int)
        /// It held nothing else.
        case untouched(Int)
        case refused(String)
    }

    let week: RetentionWeek
    let settings: Retention
    /// Events: others may have come since what is needed was read, and runs that need some.
    var others: OtherTransactions?

    func empty(_ db: PostgresConnection) throws -> Result {
        try db.transaction { db in
            try db.script("SET LOCAL lock_timeout = '\(settings.lockTimeout.wholeMilliseconds)ms'")
            guard try isDue(db) else { return .refused("its policy was changed") }
            let needed = try lookAtNeeds(db)
            try settings.onStage(.looked, db)
            if needed > 0 {
                let all = try count(db, "SELECT count(*) FROM \(name(week.tables[0]))")
                if needed == all { return .untouched(needed) }
                if needed * 2 > all { return .refused("\(needed) of its \(all) \(week.log.noun) are still needed") }
                let bytes = try neededBytes(db)
                if bytes > settings.byteLimit {
                    return .refused(
                        "\(needed) of its \(week.log.noun) are still needed: \(bytes >> 20) MiB, too much to be moved at once"
                    )
                }
            }
            try lock(db)
            try settings.onStage(.locked, db)
            return .emptied(try replace(db))
        }
    }

    /// Whether nobody wants the week even now; the policies stay as they are until the end of the transaction.
    private func isDue(_ db: PostgresConnection) throws -> Bool {
        try db.script("LOCK TABLE nightjar.retention IN SHARE MODE")
        return try db.query(
            "SELECT EXISTS (SELECT FROM nightjar.due_weeks() d WHERE d.log = $1 AND d.week = $2::text::date)",
            [week.log.rawValue, week.week])[0].decode(0)
    }

    /// Reads what is needed into a table of this transaction's; answers how many rows of the first table that is.
    private func lookAtNeeds(_ db: PostgresConnection) throws -> Int {
        switch week.log {
        case .matchLog:
            // Nobody comes to need another: whoever begins later needs keys of later.
            try db.script("CREATE TEMP TABLE nightjar_needed (LIKE nightjar.match_log) ON COMMIT DROP")
            try db.execute(
                "INSERT INTO pg_temp.nightjar_needed SELECT * FROM nightjar.needed_keys($1, $2)",
                [week.lower, week.upper])
        case .runs:
            try db.script("CREATE TEMP TABLE nightjar_needed (id uuid PRIMARY KEY) ON COMMIT DROP")
            try db.execute(
                """
                INSERT INTO pg_temp.nightjar_needed
                SELECT n FROM nightjar.needed_runs($1, $2, nightjar.kept_since('runs')) n
                """, [week.lower, week.upper])
        case .events:
            try db.script("CREATE TEMP TABLE nightjar_needed (id uuid PRIMARY KEY) ON COMMIT DROP")
            try db.execute(
                """
                INSERT INTO pg_temp.nightjar_needed SELECT DISTINCT n FROM nightjar.needed_events($1, $2) n WHERE n < $2
                """, [week.lower, week.upper])
        }
        try db.script("ANALYZE pg_temp.nightjar_needed")
        return try count(db, "SELECT count(*) FROM (\(needed(of: week.tables[0]))) n")
    }

    /// Everybody who would wait behind the request waits for no longer than the time limit, for all tables together.
    private func lock(_ db: PostgresConnection) throws {
        let tables = week.tables.map(name).joined(separator: ", ")
        for attempt in 1... {
            do {
                try db.transaction { db in
                    try db.script("SET LOCAL statement_timeout = '\(settings.lockTimeout.wholeMilliseconds)ms'")
                    try db.script("LOCK TABLE ONLY \(tables) IN ACCESS EXCLUSIVE MODE")
                    // Of a transaction inside of another it would stay.
                    try db.script("SET LOCAL statement_timeout = '30s'")
                }
                return
            } catch let error as PostgresError where error.isRefusedLock && attempt < settings.lockAttempts {
                try db.script("SELECT pg_sleep(0.2)")
            }
        }
    }

    private func replace(_ db: PostgresConnection) throws -> Int {
        if let others {
            try db.execute(
                """
                INSERT INTO pg_temp.nightjar_needed
                SELECT n FROM nightjar.held_events($1, $2, $3) n WHERE n < $2
                UNION SELECT t.event_id FROM \(name(week.tables[0])) t WHERE t.seq > $4
                ON CONFLICT DO NOTHING
                """, [week.lower, week.upper, others.readAt - 60, others.lastNumber])
        }
        let kept = try week.tables.map { table in
            (table, rows: try db.copyOut("COPY (\(needed(of: table))) TO STDOUT"))
        }
        try settings.onStage(.copied, db)
        try db.script("TRUNCATE ONLY \(week.tables.map(name).joined(separator: ", "))")
        var count = 0
        for (table, rows) in kept where !rows.isEmpty {
            let stored = try db.copyIn("COPY \(name(table)) FROM STDIN WITH (FREEZE)", rows)
            if table == week.tables[0] { count = stored }
        }
        if count == 0 {
            // Else an event whose id is of a clock that is weeks behind could come in between, and be out of sight.
            for table in week.tables {
                try db.script(
                    """
                    ALTER TABLE \(name(table)) DROP CONSTRAINT IF EXISTS week_is_dropped;
                    ALTER TABLE \(name(table)) ADD CONSTRAINT week_is_dropped CHECK (false)
                    """)
            }
        }
        try settings.onStage(.emptied, db)
        return count
    }

    /// The rows of a partition that are needed.
    private func needed(of table: String) -> String {
        switch week.log {
        case .matchLog: "SELECT * FROM pg_temp.nightjar_needed"
        case .events:
            "SELECT t.* FROM \(name(table)) t WHERE t.event_id IN (SELECT n.id FROM pg_temp.nightjar_needed n)"
        case .runs: "SELECT t.* FROM \(name(table)) t WHERE t.run_id IN (SELECT n.id FROM pg_temp.nightjar_needed n)"
        }
    }

    private func neededBytes(_ db: PostgresConnection) throws -> Int {
        try week.tables.reduce(0) { sum, table in
            sum
                + (try count(db, "SELECT coalesce(sum(octet_length(n::text)), 0)::bigint FROM (\(needed(of: table))) n"))
        }
    }

    private func count(
        _ db: PostgresConnection, _ sql: String, _ parameters: [any PostgresEncodable] = []
    ) throws -> Int {
        Int(try db.query(sql, parameters)[0].decode(0, as: Int64.self))
    }

    private func name(_ table: String) -> String { "nightjar.\(table)" }
}

extension RetentionLog {
    /// What it holds.
    package var noun: String {
        switch self {
        case .events: "events"
        case .runs: "runs"
        case .matchLog: "keys"
        }
    }
}
