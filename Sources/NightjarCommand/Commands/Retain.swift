import ArgumentParser
import Foundation
import Nightjar

/// `nightjar retention`
struct Retain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retention",
        abstract: "For how long logs are kept: show it, set it, drop what is older.",
        discussion: """
            There are three logs: events; runs, with their steps, attempts and outcomes; and match_log, the keys by which events \
            found the runs that they cancel. Each is kept for ever until you say otherwise.

            Logs are dropped by the week. Runs count from their end: one that slept for a year is kept for as long after it as any \
            other. What unfinished runs need of a week stays until they have ended, whatever the policy. Workers whose role owns \
            the schema drop what is due, every hour; 'apply' does it now.

            A tenant may have policies of its own. The week goes when nobody wants it any more, so the longest policy counts for it; \
            rows of tenants that want less are deleted one by one before, which costs more. Docs: docs/retention.md.

            EXAMPLES
              nightjar retention show
              nightjar retention set runs 90d
              nightjar retention set events 30d --tenant acme
              nightjar retention set events forever
              nightjar retention apply --dry-run
            """,
        subcommands: [ShowRetention.self, SetRetention.self, ApplyRetention.self])
}

/// `nightjar retention show`
struct ShowRetention: Subcommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "List the policies.")

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let policies = try await options.withSession("retention") { db in try RetentionPolicy.read(db) }
        if output.json {
            for policy in policies { try Output.json(policy.json) }
            return .success
        }
        let time = TimeText()
        var table = Table("LOG", "TENANT", "KEPT FOR", "SET", .init("BY", limit: 30))
        for policy in policies {
            table.rows.append([
                .init(policy.log.rawValue), .init(policy.tenant ?? "all others", policy.tenant == nil ? .dim : nil),
                .init(policy.keep ?? "ever"), .init(time.moment(policy.changedAt), .dim), .init(policy.changedBy, .dim),
            ])
        }
        Output.lines(table.lines(style: Output.style))
        return .success
    }
}

/// `nightjar retention set`
struct SetRetention: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "set",
        abstract: "Set for how long a log is kept.",
        discussion: """
            The time is a number of days, as 30d, any interval of PostgreSQL's, as '18 months', or 'forever'; at least a day. \
            'default' takes a tenant's own policy away. Nothing is dropped by this command itself.
            """)

    @Argument(help: "events, runs or match_log.")
    var log: String

    @Argument(help: "30d, '18 months', forever; for a tenant also default.")
    var keep: String

    @Option(help: "Only for this tenant, by its name; for events and runs.")
    var tenant: String?

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func validate() throws {
        if keep == "default", tenant == nil {
            throw ValidationError("'default' takes a tenant's policy away: say whose by --tenant, or set 'forever'")
        }
    }

    func execute() async throws -> ExitStatus {
        let interval = keep == "forever" ? nil : keep.hasSuffix("d") ? "\(keep.dropLast()) days" : keep
        let policies = try await options.withSession("retention") { [log, keep, tenant] db in
            if keep == "default", let tenant {
                guard try RetentionPolicy.reset(db, log, tenant: tenant) else {
                    throw CommandError(.notAsWanted, "tenant \"\(tenant)\" has no policy of its own for \(log)")
                }
            } else {
                try RetentionPolicy.set(db, log, keep: interval, tenant: tenant)
            }
            return try RetentionPolicy.read(db).filter { $0.log.rawValue == log && $0.tenant == tenant }
        }
        for policy in policies {
            if output.json {
                try Output.json(policy.json)
            } else {
                let owner = policy.tenant.map { " of tenant \($0)" } ?? ""
                Output.line("\(policy.log.rawValue)\(owner): kept for \(policy.keep ?? "ever")")
            }
        }
        if policies.isEmpty, !output.json { Output.line("\(log) of tenant \(tenant ?? ""): as for all others") }
        return .success
    }
}

/// `nightjar retention apply`
struct ApplyRetention: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Drop the weeks that nobody wants any more, now.",
        discussion: """
            With --dry-run nothing is changed: it lists the weeks that are due, their bytes, how many unfinished runs need \
            something of each, and how many rows would stay. Looks at 'live' and at the outcomes of those weeks, so it may take a while.

            Else it drops them: it locks a week's tables for the moment of its emptying, and leaves it for later when that is not \
            granted within 100 ms. Takes the role that owns the schema. Exit status 2: something had to stay, somebody else is at \
            it, or with --dry-run nothing is due.

            EXAMPLES
              nightjar retention apply --dry-run
              nightjar retention apply --json | jq 'select(.outcome == "kept") | .reason'
            """)

    @Flag(help: "Only say what would be dropped.")
    var dryRun = false

    @Option(
        help: ArgumentHelp(
            "How much of a week may be needed, to be moved while the week is locked: 30 ms each, for which claims wait.",
            valueName: "MiB"))
    var move = 16

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard (0...4_096).contains(move) else { throw ValidationError("--move takes 0 to 4096 MiB") }
    }

    func execute() async throws -> ExitStatus {
        if dryRun { return try await plan() }
        var retention = Retention(database: try options.database().named("retention"), logger: .quiet)
        retention.byteLimit = move << 20
        guard let results = try await retention.apply(all: true) else {
            throw CommandError(.notAsWanted, "somebody else is dropping weeks at this moment; try again later")
        }
        for result in results {
            if output.json { try Output.json(result.json) } else { Output.line(result.text) }
        }
        if results.isEmpty, !output.json { Output.line("Nothing is due.") }
        return results.contains { $0.outcome.reason != nil } ? .notAsWanted : .success
    }

    private func plan() async throws -> ExitStatus {
        let weeks = try await options.withSession("retention") { db in try RetentionPlan.read(db) }
        if output.json {
            for week in weeks { try Output.json(week.json) }
        } else if weeks.isEmpty {
            Output.line("Nothing is due.")
        } else {
            var table = Table(
                "LOG", "WEEK OF", .init("MIB", .right), .init("UNFINISHED RUNS", .right),
                .init("ROWS THAT STAY", .right),
                .init("LAST TIME", limit: 60))
            for week in weeks {
                table.rows.append([
                    .init(week.log.rawValue), .init(week.week), .init("\(week.bytes >> 20)"), .init("\(week.liveRuns)"),
                    .init("\(week.needed)"), .init(week.reason ?? "", .dim),
                ])
            }
            Output.lines(table.lines(style: Output.style))
            Output.line("Nothing was dropped: this was a dry run.")
        }
        return weeks.isEmpty ? .notAsWanted : .success
    }
}

extension DatabaseOptions {
    /// Lends a connection for one piece of work.
    func withSession<T: Sendable>(
        _ command: String, tenant: String? = nil, _ body: @escaping @Sendable (PostgresConnection) throws -> T
    ) async throws -> T {
        let session = PostgresSession(try database().named(command), logger: .quiet)
        do {
            let result = try await session.run { db in
                if let tenant {
                    guard
                        let id = try db.query("SELECT tenant_id FROM nightjar.tenants WHERE name = $1", [tenant]).first?
                            .decode(0, as: Int32.self)
                    else { throw CommandError(.notAsWanted, "there is no tenant \"\(tenant)\"") }
                    try db.query("SELECT set_config('nightjar.tenant', $1, false)", ["\(id)"])
                }
                return try body(db)
            }
            await session.close()
            return result
        } catch {
            await session.close()
            throw error
        }
    }
}
