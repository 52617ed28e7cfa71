import Nightjar
import NightjarTesting
import Testing

@testable import NightjarServer

@Suite("Registration", .timeLimit(.minutes(5)))
struct RegisterRoutesTests {
    private func register(_ server: APIServer, _ app: JSON, headers: [(String, String)] = []) async throws
        -> APIServer.RawAnswer
    {
        try await server.raw("POST", "/fn/register", Array(try JSONCoding.text(app).utf8), headers: headers)
    }

    private func triggers(_ server: APIServer) async throws -> [String] {
        try await server.services.pool.query(
            "SELECT f.name || ' ' || t.event FROM nightjar.function_triggers t JOIN nightjar.functions f USING (function_id) ORDER BY 1"
        ) { try $0.decode(0) }
    }

    @Test("the same twice changes nothing; what is missing is put right; what vanishes is archived and comes back")
    func syncs() async throws {
        try await APIServer.with([]) { server in
            let both = AppConfigTests.app([
                AppConfigTests.function(), AppConfigTests.function(["triggers": [["event": "c/d"]]], id: "shop-g"),
            ])
            let first = try await register(server, both)
            #expect(first.status == 200 && first.json["ok"] == true && first.json["modified"] == true)
            let again = try await register(server, both)
            #expect(again.json["modified"] == false)
            #expect(again.json["sync_id"] == first.json["sync_id"] && again.json["app_id"] == first.json["app_id"])
            #expect(try await triggers(server) == ["f a/b", "g c/d"])

            try await server.services.pool.execute("DELETE FROM nightjar.function_triggers")
            #expect(try await register(server, both).status == 200)
            #expect(try await triggers(server) == ["f a/b", "g c/d"], "healed")

            let one = try await register(server, AppConfigTests.app([AppConfigTests.function()]))
            #expect(one.json["modified"] == true)
            #expect(try await triggers(server) == ["f a/b"])
            #expect(
                try await server.number("SELECT count(*) FROM nightjar.functions WHERE archived_at IS NOT NULL") == 1)
            #expect(try await server.events("{\"name\":\"c/d\"}").status == 200)
            #expect(
                try await server.number("SELECT count(*) FROM nightjar.runs") == 0,
                "an archived function starts nothing")

            #expect(try await register(server, both).json["modified"] == true)
            #expect(try await server.events("[{\"name\":\"c/d\"},{\"name\":\"a/b\"}]").status == 200)
            #expect(try await server.number("SELECT count(*) FROM nightjar.runs") == 2)
            #expect(
                try await server.number("SELECT count(*) FROM nightjar.functions WHERE archived_at IS NOT NULL") == 0)
        }
    }

    @Test("what is refused leaves what was there, and says all that is wrong")
    func refused() async throws {
        try await APIServer.with([]) { server in
            #expect(try await register(server, AppConfigTests.app([AppConfigTests.function()])).status == 200)
            let bad = try await register(
                server,
                AppConfigTests.app([
                    AppConfigTests.function([
                        "triggers": [["event": "x", "expression": "event.data.a = 1"]], "retries": 99,
                    ])
                ]))
            #expect(bad.status == 400)
            #expect(bad.json["error"]?.string?.hasPrefix("At least one function is invalid") == true)
            #expect(bad.json["data"]?.array?.count == 2)
            #expect(bad.json["data"]?.array?.contains { $0["position"]?.integer == 14 } == true, "\(bad.text)")
            #expect(try await triggers(server) == ["f a/b"])
            #expect(try await register(server, [1, 2]).status == 400)
            #expect(try await server.raw("POST", "/fn/register", Array("{".utf8)).status == 400)
            let native = try await server.services.pool.execute(
                "INSERT INTO nightjar.apps (tenant_id, name, kind) VALUES (1, 'own', 1)")
            #expect(native == 1)
            let clash = try await register(server, AppConfigTests.app([], ["appName": "own"]))
            #expect(clash.status == 400 && clash.json["error"]?.string?.contains("native") == true)
        }
    }

    @Test("an app that expects another kind of server is told so")
    func serverKind() async throws {
        try await APIServer.with([]) { server in
            let app = AppConfigTests.app([])
            let answer = try await register(server, app, headers: [("X-Inngest-Expected-Server-Kind", "cloud")])
            #expect(answer.status == 400 && answer.json["error"]?.string?.contains("\"cloud\"") == true)
            #expect(try await register(server, app, headers: [("X-Inngest-Expected-Server-Kind", "dev")]).status == 200)
        }
    }

    @Test("what an app asks for and does not get is said")
    func warnings() async throws {
        try await APIServer.with([]) { server in
            let app = AppConfigTests.app([
                AppConfigTests.function(["concurrency": 5, "priority": ["run": "int(event.data.level)"]])
            ])
            let answer = try await register(server, app)
            #expect(answer.status == 200)
            // It gets its limits.
            #expect(!answer.text.contains("concurrency"), "\(answer.text)")
            let warnings = answer.json["warnings"]?.array?.compactMap(\.string) ?? []
            #expect(warnings.contains { $0.contains("shop-f") && $0.contains("priority") }, "\(answer.text)")
        }
    }
}
