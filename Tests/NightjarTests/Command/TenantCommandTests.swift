import Foundation
import NightjarCore
import NightjarTesting
import Testing

@testable import Nightjar

@Suite("nightjar tenant", .timeLimit(.minutes(3)))
struct TenantCommandTests {
    @Test("A tenant is made, listed, changed, suspended, resumed and deleted")
    func life() async throws {
        try await TestDatabase.with { database in
            let run = { @Sendable (arguments: String...) in
                try await RunningProgram("nightjar", ["tenant"] + arguments + ["--database", database.url]).end()
            }
            let made = try await run("create", "shop", "--max-live-runs", "1000", "--max-event-bytes", "4096", "--json")
            #expect(made.status == 0, "\(made.error)")
            let tenant = try #require(try made.json().first)
            #expect(tenant["id"] == 2 && tenant["state"] == "active" && tenant["max_live_runs"] == 1000)
            #expect(tenant["max_events_per_second"] == .null && tenant["roles"] == [])
            #expect(try await run("create", "cafe").output.contains("Made tenant 3."))
            let again = try await run("create", "shop")
            #expect(again.status == 64 && again.error.contains("there is a tenant \"shop\" already"))
            #expect(try await run("create", "17").status == 64)
            #expect(try await run("create", "x", "--max-live-runs", "-1").status == 64)

            let names = try await run("list", "--json").json().map { $0["name"] }
            #expect(names == ["default", "shop", "cafe"])
            let list = try await run("list").output
            #expect(list.contains("1000 unfinished runs, 4096 bytes an event") && list.contains("default"), "\(list)")

            let changed = try await run("set", "shop", "--name", "bookshop", "--max-live-runs", "none", "--json")
            #expect(try changed.json().first?["max_live_runs"] == .null)
            #expect(try changed.json().first?["max_event_bytes"] == 4096)
            #expect(try await run("set", "bookshop").status == 64)
            #expect(try await run("show", "shop").status == 2)
            #expect(try await run("show", "2").output.contains("bookshop"))

            #expect(try await run("suspend", "bookshop", "--reason", "unpaid").output == "Suspended.\n")
            let shown = try await run("show", "bookshop").output
            #expect(shown.contains("suspended") && shown.contains("unpaid"), "\(shown)")
            let refused = try await RunningProgram(
                "nightjar", ["send", "a/b", "--database", database.url + " options='-c nightjar.tenant=bookshop'"]
            ).end()
            #expect(
                refused.status == 2 && refused.error.contains("is suspended: it takes no events (unpaid)"),
                "\(refused.error)")
            #expect(try await run("resume", "bookshop", "--json").json().first?["state"] == "active")

            let unasked = try await run("delete", "bookshop")
            #expect(unasked.status == 64 && unasked.error.contains("--yes"))
            #expect(try await run("delete", "bookshop", "--yes").output == "Deleted.\n")
            #expect(try await run("delete", "bookshop", "--yes").status == 2)
            #expect(try await run("list", "--json").json().count == 2)
            #expect(try await run("list", "--deleted", "--json").json().count == 3)
            for command in ["suspend", "resume", "show", "delete", "set"] {
                let unknown = try await run(command, "nobody", command == "set" ? "--name=x" : "--json")
                #expect(unknown.status == 2 || command == "delete" && unknown.status == 64, "\(command)")
                #expect(
                    command == "delete" || unknown.error.contains("there is no tenant \"nobody\""),
                    "\(command): \(unknown.error)")
            }
            #expect(try await run("delete", "default", "--yes").status == 64)
        }
    }

    @Test("For how long a tenant's logs are kept is one setting, whichever command sets it")
    func kept() async throws {
        try await TestDatabase.with { database in
            let run = { @Sendable (arguments: String...) in
                try await RunningProgram("nightjar", arguments + ["--database", database.url]).end()
            }
            let made = try await run(
                "tenant", "create", "shop", "--keep-runs", "90d", "--keep-events", "forever", "--json")
            let tenant = try #require(try made.json().first, "\(made.error)")
            #expect(tenant["keep_runs"] == "90 days" && tenant["keep_events"] == "forever")
            let policies = try await run("retention", "show", "--json").json().filter { $0["tenant"] == "shop" }
            #expect(policies.map { $0["keep"] } == [.null, "90 days"])
            #expect(try await run("retention", "set", "runs", "18 months", "--tenant", "shop").status == 0)
            let shown = try await run("tenant", "show", "shop").output
            #expect(shown.contains("its events kept for ever, its runs kept 1 year 6 mons"), "\(shown)")
            let reset = try await run("tenant", "set", "shop", "--keep-runs", "default", "--json").json().first
            #expect(reset?["keep_runs"] == .null && reset?["keep_events"] == "forever")
            let wrong = try await run("tenant", "set", "shop", "--keep-events", "soon")
            #expect(wrong.status == 64 && wrong.error.contains("keep_events cannot be \"soon\""), "\(wrong.error)")
            let short = try await run("tenant", "set", "2", "--keep-runs", "1 hour")
            #expect(short.status == 64 && short.error.contains("a log cannot be kept for 01:00:00"), "\(short.error)")
            let nobody = try await run("retention", "set", "runs", "30d", "--tenant", "nobody")
            #expect(nobody.error.contains("there is no tenant \"nobody\""), "\(nobody.error)")
        }
    }

    @Test("A role is bound and released; the help teaches")
    func roles() async throws {
        try await TestDatabase.with { database in
            let run = { @Sendable (arguments: String...) in
                try await RunningProgram("nightjar", ["tenant"] + arguments + ["--database", database.url]).end()
            }
            _ = try await run("create", "shop")
            try await TestRole.with("nightjar_tenant", in: database) { role in
                let bound = try await run("bind", "shop", "--role", role.name).output
                #expect(bound == "Bound.\n")
                #expect(try await run("show", "shop", "--json").json().first?["roles"] == [.string(role.name)])
                #expect(try await run("bind", "shop", "--role", role.name, "--release").output == "Released.\n")
                #expect(try await run("bind", "shop", "--role", role.name, "--release").status == 2)
                #expect(try await run("bind", "shop", "--role", "nobody").error.contains("there is no role \"nobody\""))
            }
            for command in ["create", "list", "show", "set", "suspend", "resume", "delete", "bind"] {
                let help = try await RunningProgram("nightjar", ["tenant", command, "--help"]).end()
                #expect(help.status == 0 && help.output.contains("USAGE: nightjar tenant \(command)"), "\(command)")
            }
            let help = try await RunningProgram("nightjar", ["tenant", "--help"]).end().output
            #expect(help.contains("EXAMPLES") && help.contains("nightjar tenant suspend shop"), "\(help)")
        }
    }

    @Test("Keys belong to a tenant: another one does not list, rotate or revoke them")
    func keys() async throws {
        try await TestDatabase.with { database in
            let run = { @Sendable (arguments: String...) in
                try await RunningProgram("nightjar", arguments + ["--database", database.url]).end()
            }
            _ = try await run("tenant", "create", "shop")
            let key = try await run("keys", "create", "web", "--tenant", "shop").output
            #expect(try await run("keys", "create", "web").output != key)
            #expect(try await run("keys", "list", "--tenant", "shop").output.split(separator: "\n").count == 1)
            #expect(try await run("keys", "revoke", "web").status == 0)
            #expect(try await !run("keys", "list", "--tenant", "shop").output.contains("revoked"))
            let rotated = try await run("keys", "rotate", "web", "--tenant", "shop", "--keep", "1h", "--json")
            #expect(rotated.status == 0, "\(rotated.error)")
            let old = try #require(try rotated.json().first?["old"]?.string)
            let listed = try await run("keys", "list", "--tenant", "shop").output
            #expect(listed.contains("\(old)  made") && listed.contains("good until"), "\(listed)")
            let unknown = try await run("keys", "rotate", "web")
            #expect(unknown.status == 2 && unknown.error.contains("\"web\" that could be rotated"), "\(unknown.error)")
            #expect(try await run("keys", "revoke", old, "--tenant", "shop").status == 0)
            #expect(try await !run("keys", "list", "--tenant", "shop").output.contains("good until"))
            #expect(try await run("keys", "list", "--tenant", "nobody").error.contains("there is no tenant \"nobody\""))
        }
    }
}
