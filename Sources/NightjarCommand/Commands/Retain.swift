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
            rows of tenants that want less are deleted one by one before, which costs more. 'nightjar tenant set --keep-runs' sets \
            the same. Docs: docs/retention.md.

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
        let interval = keep == "forever" ? nil : Interval.text(keep)
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
