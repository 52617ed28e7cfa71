import ArgumentParser
import Nightjar

/// `nightjar tenant suspend`
struct SuspendTenant: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "suspend", abstract: "Refuse a tenant's events, and let its runs rest.",
        discussion: """
            From its first moment on the tenant's events are refused. When it ends no worker begins or continues a run of \
            the tenant any more; what is executing goes on until it next waits. Its runs may be cancelled meanwhile, and \
            their time limits go on. It waits for transactions that were open before: they may have started runs.

            EXAMPLE
              nightjar tenant suspend shop --reason 'unpaid since May'
            """)

    @Argument(help: "Its name or number.")
    var name: String

    @Option(help: "Why; senders are told.")
    var reason: String?

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let line = ProgressLine()
        let tenant = try await options.withTenants { tenants in
            try await tenants.suspend(name, reason: reason) { line.show($0.text("moved")) }
        }
        line.clear()
        if output.json { try Output.json(tenant.json) } else { Output.line("Suspended.") }
        return .success
    }
}

/// `nightjar tenant resume`
struct ResumeTenant: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Accept a tenant's events again, and let its runs go on.",
        discussion: """
            What came due meanwhile goes on at once, in the order of its time. Events that were refused are the sender's to \
            send again.
            """)

    @Argument(help: "Its name or number.")
    var name: String

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let line = ProgressLine()
        let tenant = try await options.withTenants { tenants in
            try await tenants.resume(name) { line.show($0.text("moved")) }
        }
        line.clear()
        if output.json { try Output.json(tenant.json) } else { Output.line("Resumed.") }
        return .success
    }
}

/// `nightjar tenant delete`
struct DeleteTenant: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete a tenant with all that it has.",
        discussion: """
            Its events are refused, its runs end and what workers execute of them is stopped; then its logs, functions, apps \
            and keys are deleted, some hundred rows at a time. It cannot be taken back. Interrupted, it is taken up by the \
            same command with the tenant's name or number. The number is not used again.

            EXAMPLE
              nightjar tenant delete shop --yes
            """)

    @Argument(help: "Its name or number.")
    var name: String

    @Flag(help: "Do not ask. Needed where nobody can be asked.")
    var yes = false

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let line = ProgressLine()
        let tenant = try await options.withTenants { tenants in
            guard let tenant = try await tenants.tenant(name), tenant.state != .deleted else {
                throw CommandError(.notAsWanted, "there is no tenant \"\(name)\"; see 'nightjar tenant list'")
            }
            if !yes {
                guard Terminal.isInteractive else {
                    throw CommandError(.usage, "to delete tenant \"\(tenant.name)\" with all that it has, add --yes")
                }
                guard
                    Terminal.confirm(
                        "Delete tenant \"\(tenant.name)\", \(tenant.apps) apps, \(tenant.liveRuns) unfinished runs and all that is logged of it?"
                    )
                else { throw CommandError(.notAsWanted, "nothing was deleted") }
            }
            try await tenants.delete("\(tenant.id)") { line.show($0.text("deleted")) }
            return try await tenants.tenant("\(tenant.id)") ?? tenant
        }
        line.clear()
        if output.json { try Output.json(tenant.json) } else { Output.line("Deleted.") }
        return .success
    }
}

/// `nightjar tenant bind`
struct BindTenant: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "bind", abstract: "Bind a database role to a tenant, or release it.",
        discussion: """
            Who logs in as the role, or has its rights, acts for that tenant and no other, whatever he sets. Bind a role \
            before you give it rights.

            EXAMPLES
              nightjar tenant bind shop --role shop_app
              nightjar tenant bind shop --role shop_app --release
            """)

    @Argument(help: "The tenant's name or number.")
    var name: String

    @Option(help: "The database role.")
    var role: String

    @Flag(help: "Release the role: it acts for the tenant of its setting.")
    var release = false

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let tenant = try await options.withTenants { tenants in
            guard let tenant = try await tenants.tenant(name) else {
                throw CommandError(.notAsWanted, "there is no tenant \"\(name)\"; see 'nightjar tenant list'")
            }
            if release, !tenant.roles.contains(role) {
                throw CommandError(.notAsWanted, "role \"\(role)\" is not bound to tenant \"\(tenant.name)\"")
            }
            try await tenants.bind(role: role, to: release ? nil : "\(tenant.id)")
            return try await tenants.tenant("\(tenant.id)") ?? tenant
        }
        if output.json { try Output.json(tenant.json) } else { Output.line(release ? "Released." : "Bound.") }
        return .success
    }
}
