import ArgumentParser
import Foundation
import Nightjar

/// `nightjar keys`
struct Keys: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make, list, rotate and revoke keys: of those who send events over HTTP, and signing keys.",
        discussion: """
            A key is the last part of the address that events are sent to, and what SDKs take from INNGEST_EVENT_KEY. It is \
            shown once, when it is made; the database has only its hash. As soon as there is a key, 'nightjar serve' asks \
            for one: start it again after the first.

            A key belongs to a tenant, and what is sent with it is that tenant's: --tenant says whose, else it is the tenant \
            of the connection.

            EXAMPLES
              nightjar keys create shop
              nightjar keys create web --tenant shop
              nightjar keys list
              nightjar keys rotate shop --keep 24h
              nightjar keys revoke shop
              nightjar keys signing create --tenant shop
              curl http://localhost:8288/e/$KEY -d '{"name": "shop/order.placed", "data": {"id": 1}}'
            """,
        subcommands: [
            CreateKey.self, ListKeys.self, RotateKey.self, RevokeKey.self, SigningKeyCommand.self,
        ])
}

/// `nightjar keys create`
struct CreateKey: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a key and show it: for the first and the last time.")

    @Argument(help: "What it is for, such as the name of an app.")
    var name: String

    @OptionGroup var tenant: KeyTenantOption

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let key = try await options.withTenants { [name, tenant] in
            try await $0.createEventKey(name, for: tenant.name($0))
        }
        if output.json {
            try Output.json(["name": .string(name), "key": .string(key)])
        } else {
            Output.line(key)
            Output.note(
                "Keep it: it is not stored. Servers that were started without any key have to be started again.")
        }
        return .success
    }
}

/// `nightjar keys list`
struct ListKeys: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the keys by name. The keys themselves are nowhere.")

    @OptionGroup var tenant: KeyTenantOption

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let keys = try await options.withTenants { [tenant] in try await $0.eventKeys(of: tenant.name($0)) }
        if output.json {
            try Output.json(
                .array(
                    keys.map { key in
                        [
                            "name": .string(key.name), "created_at": .string(Timestamp.text(of: key.createdAt)),
                            "revoked_at": key.goodUntil.map { .string(Timestamp.text(of: $0)) } ?? .null,
                        ]
                    }))
        } else {
            for key in keys {
                Output.line(
                    "\(key.name)  made \(Timestamp.text(of: key.createdAt))"
                        + (key.goodUntil.map {
                            "\($0 > Date() ? ", good until" : ", revoked") \(Timestamp.text(of: $0))"
                        } ?? ""))
            }
        }
        return keys.isEmpty ? .notAsWanted : .success
    }
}

/// `nightjar keys rotate`
struct RotateKey: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate", abstract: "Make another key under a key's name; the old one goes on for a while.",
        discussion: """
            Both are good until the time is up, so that senders can change over one by one. The old key is listed with its \
            number behind its name, and can be revoked before.
            """)

    @Argument(help: "The key's name.")
    var name: String

    @Option(help: ArgumentHelp("For how long the old key is good.", valueName: "time"))
    var keep = TimeSpan(seconds: 86_400)

    @OptionGroup var tenant: KeyTenantOption

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let new = try await options.withTenants { [name, keep, tenant] in
            try await $0.rotateEventKey(name, of: tenant.name($0), keeping: keep.duration)
        }
        if output.json {
            try Output.json(["name": .string(name), "key": .string(new.key), "old": .string(new.oldName)])
        } else {
            Output.line(new.key)
            Output.note("Keep it: it is not stored. The old one is now called \"\(new.oldName)\".")
        }
        return .success
    }
}

/// `nightjar keys revoke`
struct RevokeKey: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Make a key useless; servers notice within seconds.")

    @Argument(help: "The key's name.")
    var name: String

    @OptionGroup var tenant: KeyTenantOption

    @OptionGroup var options: DatabaseOptions

    func execute() async throws -> ExitStatus {
        try await options.withTenants { [name, tenant] in
            try await $0.revokeEventKey(name, of: tenant.name($0))
        }
        Output.line("Revoked.")
        return .success
    }
}

/// Whose keys a subcommand is about.
struct KeyTenantOption: ParsableArguments {
    @Option(help: "Whose keys: a tenant's name or number. Without it, those of the connection's tenant.")
    var tenant: String?

    /// What that tenant is called.
    func name(_ tenants: Tenants) async throws -> String {
        if let tenant { return tenant }
        return try await tenants.nameOfConnection()
    }
}
