internal import PostgresClient

/// The server's kind, version, settings and load.
struct ServerFacts: Sendable {
    var version = 0
    var isStandby = false
    var encoding = "UTF8"
    var synchronousCommit = "on"
    var fsync = "on"
    var fullPageWrites = "on"
    var autovacuum = "on"
    var trackCounts = "on"
    var walLevel = "replica"
    var maxWALMegabytes: Int64 = 1024
    var maxConnections = 100
    var connections = 0
    /// Whether idle transactions are ended; nil when this role may not know.
    var limitsIdleTransactions: Bool? = true

    static func read(_ db: PostgresConnection) throws -> ServerFacts {
        let row = try db.query(Statement.doctorServer.sql)[0]
        var facts = ServerFacts(
            version: db.serverVersion, isStandby: try row.decode("standby"), encoding: try row.decode("encoding"),
            synchronousCommit: try row.decode("synchronous_commit"), fsync: try row.decode("fsync"),
            fullPageWrites: try row.decode("full_page_writes"), autovacuum: try row.decode("autovacuum"),
            trackCounts: try row.decode("track_counts"), walLevel: try row.decode("wal_level"),
            maxWALMegabytes: try row.decode("max_wal_megabytes"), maxConnections: try row.decode("max_connections"),
            connections: try row.decode("connections"))
        if try row.decode("idle_limit_by_role", as: Bool.self) {
            facts.limitsIdleTransactions = true
        } else if try row.decode("may_read_files", as: Bool.self) {
            facts.limitsIdleTransactions = try db.query(Statement.doctorIdleLimit.sql)[0].decode(0, as: Bool.self)
        } else {
            facts.limitsIdleTransactions = nil
        }
        return facts
    }

    var findings: [Finding] {
        [kind, durability, vacuum, wal, connectionLoad, idleTransactions]
    }

    private var kind: Finding {
        let text = "PostgreSQL \(version / 10_000).\(version % 10_000)"
        if version < 150_000 {
            return .problem("version", "\(text) is older than 15", do: "upgrade the server to PostgreSQL 15 or newer")
        }
        if isStandby {
            return .problem(
                "version", "\(text), a standby: nothing can be written here",
                do: "connect to the primary, or list all hosts in the URL with target_session_attrs=read-write")
        }
        if encoding != "UTF8" {
            return .problem(
                "version", "\(text), but the database's encoding is \(encoding)",
                do: "create a database with ENCODING 'UTF8' and migrate that")
        }
        return .ok("version", text)
    }

    private var durability: Finding {
        if fsync == "off" {
            return .problem(
                "durability", "fsync is off: a crash of the machine can destroy the database",
                do: "set fsync = on, unless this server is thrown away anyway")
        }
        if fullPageWrites == "off" {
            return .problem(
                "durability", "full_page_writes is off: a crash of the machine can tear pages",
                do: "set full_page_writes = on, unless the file system writes pages atomically")
        }
        switch synchronousCommit {
        case "off":
            return .problem(
                "durability", "synchronous_commit is off: a crash loses events that were acknowledged",
                do: "set synchronous_commit = on for the roles of clients and workers")
        default:
            return .ok("durability", "fsync and full_page_writes are on, synchronous_commit is \(synchronousCommit)")
        }
    }

    private var vacuum: Finding {
        guard autovacuum == "on", trackCounts == "on" else {
            return .problem(
                "autovacuum", "autovacuum is off: tables of runs that come and go grow without end",
                do: "set autovacuum = on and track_counts = on")
        }
        return .ok("autovacuum", "on")
    }

    private var wal: Finding {
        guard maxWALMegabytes >= 1024 else {
            return .warning(
                "wal", "max_wal_size is \(maxWALMegabytes) MB: frequent checkpoints make every commit dearer",
                do: "set max_wal_size to 1GB or more")
        }
        return .ok("wal", "wal_level is \(walLevel), max_wal_size \(maxWALMegabytes) MB")
    }

    private var connectionLoad: Finding {
        let text = "\(connections) of \(maxConnections) connections are in use"
        guard connections * 10 < maxConnections * 8 else {
            return .warning(
                "connections", "\(text): soon new workers and clients are refused",
                do:
                    "raise max_connections, lower the workers' `connections`, or find who holds them in pg_stat_activity"
            )
        }
        return .ok("connections", text)
    }

    private var idleTransactions: Finding {
        switch limitsIdleTransactions {
        case true?:
            return .ok("idle-transactions", "transactions that are left idle are ended")
        case false?:
            return .warning(
                "idle-transactions",
                "no limit on idle transactions: a program that forgets one keeps vacuum from its work",
                do: "ALTER DATABASE … SET idle_in_transaction_session_timeout = '60s' (Nightjar sets its own limit)")
        case nil:
            return .ok(
                "idle-transactions", "this role may not read the configuration; see horizon for what it leads to")
        }
    }
}
