import ArgumentParser
import Nightjar

/// `nightjar tenant`
struct TenantCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tenant",
        abstract: "Make, limit, suspend, resume and delete tenants.",
        discussion: """
            A tenant owns events, apps, functions, keys and runs; nothing of one is seen by another, or affects it. Without any \
            of this there is one, "default". A connection acts for the tenant of its setting nightjar.tenant, a name or a \
            number; a database role that is bound to a tenant acts for that one whatever it sets.

            An app of a worker with Worker(app: …, tenants: .all, …), or with nightjar.tenant set to '*', serves all tenants; \
            each run is for the tenant of its event. '*' itself is no tenant.

            A tenant is named by its name or its number. Suspending, resuming and deleting go in small transactions beside \
            running workers; what is interrupted is taken up by the same command. See docs/tenants.md.

            EXAMPLES
              nightjar tenant create shop --max-live-runs 100000 --max-events-per-second 200
              nightjar tenant list
              nightjar tenant suspend shop --reason 'unpaid since May'
              nightjar tenant set shop --max-events-per-second none
              psql -c "CREATE ROLE shop LOGIN; GRANT nightjar_tenant TO shop" && nightjar tenant bind shop --role shop
              PGOPTIONS='-c nightjar.tenant=shop' nightjar runs
            """,
        subcommands: [
            CreateTenant.self, ListTenants.self, ShowTenant.self, SetTenant.self, SuspendTenant.self, ResumeTenant.self,
            DeleteTenant.self, BindTenant.self,
        ])
}

/// `nightjar tenant create`
struct CreateTenant: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a tenant.",
        discussion: """
            Its name is free but for digits alone, which would be a number. Answers its number.

            EXAMPLE
              nightjar tenant create shop --max-event-bytes 65536
            """)

    @Argument(help: "Its name.")
    var name: String

    @OptionGroup var limits: TenantLimitOptions

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        var wanted = TenantLimits()
        limits.apply(to: &wanted)
        let tenant = try await options.withTenants { [wanted] in try await $0.create(name, limits: wanted) }
        if output.json { try Output.json(tenant.json) } else { Output.line("Made tenant \(tenant.id).") }
        return .success
    }
}

/// `nightjar tenant list`
struct ListTenants: Subcommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the tenants.")

    @Flag(help: "Also those that were deleted, of which nothing but the number is left.")
    var deleted = false

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let tenants = try await options.withTenants { try await $0.list(deleted: deleted) }
        if output.json {
            for tenant in tenants { try Output.json(tenant.json) }
        } else {
            Output.lines(TenantTable.make(tenants).lines(style: Output.style))
        }
        return tenants.isEmpty ? .notAsWanted : .success
    }
}

/// `nightjar tenant show`
struct ShowTenant: Subcommand {
    static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one tenant.")

    @Argument(help: "Its name or number.")
    var name: String

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        guard let tenant = try await options.withTenants({ try await $0.tenant(name) }) else {
            throw CommandError(.notAsWanted, "there is no tenant \"\(name)\"; see 'nightjar tenant list'")
        }
        if output.json { try Output.json(tenant.json) } else { Output.lines(tenant.lines(Output.style)) }
        return .success
    }
}

/// `nightjar tenant set`
struct SetTenant: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Change a tenant's name and limits.",
        discussion: """
            What is not given stays as it is; "none" takes a limit away. Events are refused from the next statement on, \
            runs that exist go on.

            EXAMPLES
              nightjar tenant set shop --max-live-runs 500000 --max-event-bytes none
              nightjar tenant set shop --name bookshop
            """)

    @Argument(help: "Its name or number.")
    var name: String

    @Option(name: .customLong("name"), help: "Another name.")
    var newName: String?

    @OptionGroup var limits: TenantLimitOptions

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        guard newName != nil || limits.isGiven else {
            throw CommandError(.usage, "nothing is to be changed; see 'nightjar tenant set --help'")
        }
        let tenant = try await options.withTenants { tenants in
            var tenant = try await tenants.change(name) { [limits] in limits.apply(to: &$0) }
            if let newName { tenant = try await tenants.rename("\(tenant.id)", to: newName) }
            return tenant
        }
        if output.json { try Output.json(tenant.json) } else { Output.lines(tenant.lines(Output.style)) }
        return .success
    }
}
