import ArgumentParser
import Foundation
import Nightjar

/// `nightjar keys signing`
struct SigningKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "signing",
        abstract: "Make, list, switch and revoke the signing keys of tenants.",
        discussion: """
            Whoever has a tenant's signing key uses the API for that tenant, and registers apps that are the tenant's; what \
            is sent to them is signed with it. SDKs take it from INNGEST_SIGNING_KEY. The key that a server is given when \
            it starts is that of the tenant of its connection, and goes before one that is made here.

            A team that comes with a key in its apps already brings it along; it is read from standard input:
              nightjar keys signing create --tenant shop --import < signing.key

            A tenant has at most two: one that signs, and one that is accepted beside it. To change it:
              nightjar keys signing create --tenant shop                   # another one, which does not sign yet
              # every app: INNGEST_SIGNING_KEY=<new> INNGEST_SIGNING_KEY_FALLBACK=<old>
              nightjar keys signing switch --tenant shop --keep 24h        # the new one signs; the old one is good for a day
            """,
        subcommands: [CreateSigningKey.self, ListSigningKeys.self, SwitchSigningKey.self, RevokeSigningKey.self])
}

/// `nightjar keys signing create`
struct CreateSigningKey: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Make a signing key and show it; a second one does not sign yet.",
        discussion: """
            With --import it is a key that the tenant's apps have already, such as the value of their INNGEST_SIGNING_KEY. \
            It is read from standard input, since others see the arguments of programs, and it is not shown.
            """)

    @OptionGroup var tenant: SigningTenantOption

    @Flag(name: .customLong("import"), help: "Take over the key that comes on standard input instead of making one.")
    var imports = false

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        if imports { return try await importKey() }
        let (key, keys) = try await options.withTenants { [tenant] in
            (try await $0.createSigningKey(for: tenant.tenant), try await $0.signingKeys(of: tenant.tenant))
        }
        if output.json {
            try Output.json(["key": .string(key), "signs": .bool(keys.count == 1)])
        } else {
            Output.line(key)
            Output.note(Self.standing(signs: keys.count == 1))
        }
        return .success
    }

    private func importKey() async throws -> ExitStatus {
        let text = try Terminal.secret("The signing key: ", most: 1_000)
        guard let text, !text.isEmpty else {
            throw CommandError(.usage, "there is no signing key on standard input; give it one: --import < signing.key")
        }
        let key = try await options.withTenants { [tenant] in try await $0.importSigningKey(text, for: tenant.tenant) }
        if output.json {
            try Output.json([
                "id": .integer(Int64(key.id)), "signs": .bool(key.signs), "fingerprint": .string(key.fingerprint),
            ])
        } else {
            Output.line("Imported, as number \(key.id).")
            Output.note(Self.standing(signs: key.signs))
        }
        return .success
    }

    private static func standing(signs: Bool) -> String {
        signs
            ? "It signs. Servers that were started without any key have to be started again."
            : "It is accepted, and does not sign before 'nightjar keys signing switch'."
    }
}

/// `nightjar keys signing list`
struct ListSigningKeys: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List a tenant's signing keys, without the keys themselves.")

    @OptionGroup var tenant: SigningTenantOption

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let keys = try await options.withTenants { [tenant] in try await $0.signingKeys(of: tenant.tenant) }
        if output.json {
            try Output.json(
                .array(
                    keys.map { key in
                        [
                            "id": .integer(Int64(key.id)), "signs": .bool(key.signs),
                            "fingerprint": .string(key.fingerprint),
                            "created_at": .string(Timestamp.text(of: key.createdAt)),
                            "good_until": key.goodUntil.map { .string(Timestamp.text(of: $0)) } ?? .null,
                        ]
                    }))
        } else {
            for key in keys {
                Output.line(
                    "\(key.id)  \(key.fingerprint)  made \(Timestamp.text(of: key.createdAt)), "
                        + (key.signs
                            ? "signs" : "accepted\(key.goodUntil.map { " until \(Timestamp.text(of: $0))" } ?? "")"))
            }
        }
        return keys.isEmpty ? .notAsWanted : .success
    }
}

/// `nightjar keys signing switch`
struct SwitchSigningKey: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "switch", abstract: "Let the other one of a tenant's two signing keys sign.",
        discussion: """
            The apps have to accept it already. Without --keep the old one stays, and switching again takes it back.
            """)

    @OptionGroup var tenant: SigningTenantOption

    @Option(help: ArgumentHelp("For how long the one that signed until now is accepted.", valueName: "time"))
    var keep: TimeSpan?

    @OptionGroup var options: DatabaseOptions

    func execute() async throws -> ExitStatus {
        try await options.withTenants { [tenant, keep] in
            try await $0.switchSigningKey(of: tenant.tenant, keeping: keep?.duration)
        }
        Output.line("Switched.")
        return .success
    }
}

/// `nightjar keys signing revoke`
struct RevokeSigningKey: Subcommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Make a signing key useless; servers notice within seconds.")

    @Argument(help: "The key's number, as 'nightjar keys signing list' shows it.")
    var id: Int

    @OptionGroup var tenant: SigningTenantOption

    @OptionGroup var options: DatabaseOptions

    func execute() async throws -> ExitStatus {
        try await options.withTenants { [tenant, id] in try await $0.revokeSigningKey(id, of: tenant.tenant) }
        Output.line("Revoked.")
        return .success
    }
}

/// Whose signing keys a subcommand is about.
struct SigningTenantOption: ParsableArguments {
    @Option(help: "Whose: a tenant's name or number.")
    var tenant: String
}
