import Foundation
import NightjarCore
import NightjarTesting
import Testing

@Suite("nightjar keys and serve", .timeLimit(.minutes(3)))
struct KeysCommandTests {
    @Test("a key is shown once; it is listed and revoked by its name")
    func keys() async throws {
        try await TestDatabase.with { database in
            let run = { (arguments: [String]) in
                try await RunningProgram("nightjar", arguments + ["--database", database.url]).end()
            }
            #expect(try await run(["keys", "list"]).status == 2, "none yet")
            let created = try await run(["keys", "create", "shop", "--json"])
            let key = try #require(try JSONCoding.value(JSON.self, from: created.output)["key"]?.string)
            #expect(key.count > 40)
            let again = try await run(["keys", "create", "shop"])
            #expect(again.status != 0 && again.error.contains("shop"))
            let listed = try await run(["keys", "list"])
            #expect(listed.status == 0 && listed.output.contains("shop") && !listed.output.contains(key))
            #expect(try await run(["keys", "revoke", "shop"]).status == 0)
            #expect(try await run(["keys", "revoke", "shop"]).status == 2)
            #expect(try await run(["keys", "list"]).output.contains("revoked"))
        }
    }

    @Test("A tenant's signing keys are made, listed without the keys, switched and revoked")
    func signing() async throws {
        try await TestDatabase.with { database in
            let run = { @Sendable (arguments: String...) in
                try await RunningProgram(
                    "nightjar", arguments + ["--database", database.url]
                ).end()
            }
            #expect(try await run("tenant", "create", "shop").status == 0)
            let list = { @Sendable () in try await run("keys", "signing", "list", "--tenant", "shop", "--json") }
            let none = try await list()
            #expect(none.status == 2)
            let created = try await run("keys", "signing", "create", "--tenant", "shop")
            let first = created.output.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(first.hasPrefix("signkey-prod-") && first.count == 77, "\(created.output)")
            let next = try await run("keys", "signing", "create", "--tenant", "shop", "--json")
            let second = try #require(try JSONCoding.value(JSON.self, from: next.output)["key"]?.string)
            #expect(next.output.contains("false") && second != first)
            let third = try await run("keys", "signing", "create", "--tenant", "shop")
            #expect(third.status != 0 && third.error.contains("two signing keys"), "\(third.error)")
            let listed = try await list()
            let keys = try #require(try JSONCoding.value(JSON.self, from: listed.output).array)
            #expect(keys.count == 2 && keys[0]["signs"] == true && keys[1]["signs"] == false)
            #expect(!listed.output.contains(first.suffix(20)) && !listed.output.contains(second.suffix(20)))
            let signs = "\(try #require(keys[0]["id"]?.integer))"
            let early = try await run("keys", "signing", "revoke", signs, "--tenant", "shop")
            #expect(early.status != 0 && early.error.contains("signs"), "\(early.error)")
            let elsewhere = try await run("keys", "signing", "revoke", signs, "--tenant", "default")
            #expect(elsewhere.status == 2 && elsewhere.error.contains("no signing key"), "\(elsewhere.error)")
            #expect(try await run("keys", "signing", "switch", "--tenant", "shop", "--keep", "1h").status == 0)
            let plain = try await run("keys", "signing", "list", "--tenant", "shop").output
            #expect(plain.contains("accepted until") && plain.contains("signs"), "\(plain)")
            #expect(try await run("keys", "signing", "revoke", signs, "--tenant", "shop").status == 0)
            let alone = try await run("keys", "signing", "switch", "--tenant", "shop")
            #expect(alone.status != 0 && alone.error.contains("could take over"), "\(alone.error)")
            let nobody = try await run("keys", "signing", "create", "--tenant", "nobody")
            #expect(nobody.status == 2 && nobody.error.contains("there is no tenant"), "\(nobody.error)")
        }
    }

    @Test("Event keys are those of the connection's tenant, or of the one that is named")
    func ofTenants() async throws {
        try await TestDatabase.with { database in
            let run = { @Sendable (arguments: [String], environment: [String: String]) in
                try await RunningProgram(
                    "nightjar", arguments + ["--database", database.url], environment: environment
                ).end()
            }
            #expect(try await run(["tenant", "create", "shop"], [:]).status == 0)
            #expect(try await run(["keys", "create", "web", "--tenant", "shop"], [:]).status == 0)
            #expect(try await run(["keys", "list"], [:]).status == 2)
            let connected = ["PGOPTIONS": "-c nightjar.tenant=shop"]
            #expect(try await run(["keys", "list"], connected).output.contains("web"))
            let rotated = try await run(["keys", "rotate", "web", "--keep", "1h", "--json"], connected)
            #expect(rotated.output.contains("\"web #1\""), "\(rotated.output) \(rotated.error)")
            let elsewhere = try await run(["keys", "revoke", "web"], [:])
            #expect(elsewhere.status == 2 && elsewhere.error.contains("\"default\" has no event key \"web\""))
            #expect(try await run(["keys", "revoke", "web", "--tenant", "2"], [:]).status == 0)
            let nobody = try await run(["keys", "create", "web", "--tenant", "nobody"], [:])
            #expect(nobody.status == 2 && nobody.error.contains("there is no tenant"), "\(nobody.error)")
            let nameless = try await run(["keys", "create", ""], [:])
            #expect(nameless.status == 64 && nameless.error.contains("1 to 255"), "\(nameless.error)")
        }
    }

    @Test(
        "A signing key that somebody has already comes in on standard input, and never out again",
        arguments: [false, true])
    func importing(_ isTyped: Bool) async throws {
        try await TestDatabase.with { database in
            let run = { @Sendable (arguments: [String], input: String) in
                try await RunningProgram(
                    "nightjar", arguments + ["--tenant", "default", "--database", database.url], input: input,
                    terminal: isTyped && arguments.contains("--import")
                ).end()
            }
            let create = ["keys", "signing", "create", "--import"]
            let secret = "00112233445566778899aabbccddeeff"
            let imported = try await run(create, "signkey-prod-\(secret)\n")
            #expect(imported.status == 0 && imported.error.contains("It signs"), "\(imported.error)")
            let next = try await run(create + ["--json"], "abcdef\n")
            let json = try JSONCoding.value(JSON.self, from: next.output)
            #expect(json["signs"] == false && json["fingerprint"]?.string?.count == 12)
            let bad = try await run(create, "signkey-prod-sesame\n")
            #expect(bad.status == 64 && bad.error.contains("hexadecimal"), "\(bad.error)")
            let none = try await run(create, "\n")
            #expect(none.status == 64 && none.error.contains("no signing key on standard input"), "\(none.error)")
            let again = try await run(create, "signkey-prod-\(secret)\n")
            #expect(again.status == 64 && again.error.contains("already"), "\(again.error)")
            for result in [imported, next, bad, none, again] {
                for text in [result.output, result.error] {
                    let isSecret = text.contains(secret) || text.contains("abcdef") || text.contains("sesame")
                    #expect(!isSecret, "\(text)")
                }
            }
            let argument = try await run(create + ["signkey-prod-\(secret)"], "")
            #expect(argument.status == 64, "a key is no argument")
        }
    }

    @Test("serve says at once what is wrong, and repeats no secret")
    func refused() async throws {
        try await TestDatabase.with { database in
            let run = { (arguments: [String], environment: [String: String]) in
                try await RunningProgram(
                    "nightjar", ["serve", "--no-execute", "--database", database.url] + arguments,
                    environment: environment
                ).end()
            }
            let open = try await run(["--host", "0.0.0.0", "--port", "0"], [:])
            #expect(open.status == 1 && open.error.contains("without any key"))
            let bad = try await run([], ["NIGHTJAR_SIGNING_KEY": "sesame-no-hex"])
            #expect(bad.status == 64)
            #expect(bad.error.contains("NIGHTJAR_SIGNING_KEY") && !bad.error.contains("sesame"))
            let file = try await run(["--signing-key-file", "/nowhere/key"], [:])
            #expect(file.status == 64 && file.error.contains("/nowhere/key"))
            #expect(try await run(["--port", "70000"], [:]).status == 64)
        }
    }

    @Test("serve answers until it is told to end; with a key it is no dev mode")
    func serve() async throws {
        try await TestDatabase.with { database in
            try await withTemporaryDirectory { directory in
                let file = directory.appending(path: "signing.key")
                try Data("signkey-test-00112233\nsignkey-test-44556677\n".utf8).write(to: file)
                let server = try RunningProgram(
                    "nightjar",
                    [
                        "serve", "--port", "0", "--no-execute", "--database", database.url, "--signing-key-file",
                        file.path(),
                    ],
                    in: directory)
                try await server.waitForOutput("keys are required")
                #expect(!server.output.contains("00112233"))
                server.signal(SIGTERM)
                #expect(try await server.end().status == 0)
            }
        }
    }
}
