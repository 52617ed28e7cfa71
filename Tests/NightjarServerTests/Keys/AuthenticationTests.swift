import Foundation
import Logging
import NIOHTTP1
import Nightjar
import NightjarTesting
import Testing

@testable import NightjarServer

@Suite("Who may do what", .timeLimit(.minutes(5)))
struct AuthenticationTests {
    private static let key = "signkey-prod-0123456789abcdef"
    private static let fallback = "signkey-prod-fedcba9876543210"

    private static func signed(_ configuration: inout ServerConfiguration) {
        configuration.keys.signing = try? SigningKeys(SigningKey(key), fallback: SigningKey(fallback))
    }

    @Test("the signing key in its four forms, and the fallback key, open the API; nothing else does")
    func api() async throws {
        try await APIServer.with([], configure: Self.signed) { server in
            let secret = "0123456789abcdef"
            let hash = Digest.sha256([UInt8](hex: secret) ?? []).hex
            for token in [Self.key, secret, "signkey-prod-" + hash, hash, Self.fallback] {
                let answer = try await server.raw("GET", "/v1/events", headers: [("authorization", "Bearer \(token)")])
                #expect(answer.status == 200, "\(token): \(answer.text)")
            }
            for header in [
                "Bearer", "Bearer ", "Bearer \(secret)0", "Basic \(secret)", "Bearer signkey-test-\(secret)", secret,
            ] {
                let answer = try await server.raw("GET", "/v1/events", headers: [("authorization", header)])
                #expect(answer.status == 401, "\(header)")
                #expect(answer.json["code"] == "unauthorized")
            }
            for path in ["/v1/events", "/v0/runs/x/actions", "/api/v2/runs", "/v2/runs", "/v0/gql", "/v1/nothing"] {
                #expect(try await server.raw("GET", path).status == 401, "\(path)")
            }
            for path in ["/fn/register", "/invoke/x", "/v1/signals", "/v0/connect/start"] {
                #expect(try await server.raw("POST", path, Array("{}".utf8)).status == 401, "\(path)")
            }
            #expect(try await server.raw("GET", "/dev").status == 404, "only in dev mode")
            for path in ["/health", "/ready", "/"] {
                #expect(try await server.raw("GET", path).status == 200, "\(path)")
            }
            #expect(try await server.raw("GET", "/").headers.first(name: "X-Inngest-Server-Kind") == "cloud")
        }
    }

    @Test("event keys: none yet, given ones, stored ones, revoked ones")
    func eventKeys() async throws {
        try await APIServer.with([], configure: Self.signed) { server in
            let body = "{\"name\":\"a\"}"
            let none = try await server.events(body, key: "x")
            #expect(none.status == 503 && none.json["error"]?.string?.contains("nightjar keys create") == true)
            let tenants = Tenants(database: server.database.configuration, logger: .silent)
            let key = try await tenants.createEventKey("shop", for: "default")
            let spare = try await tenants.createEventKey("spare", for: "default")
            #expect(try await server.events(body, key: key).status == 200)
            let wrong = try await server.events(body, key: key + "x")
            #expect(wrong.status == 401 && wrong.json == ["error": "Event key not found"])
            #expect(try await server.events(body, key: "").status == 401)
            try await tenants.revokeEventKey("spare", of: "default")
            #expect(try await server.events(body, key: spare).status == 401, "it was never asked for before")
            let stored = try await server.services.pool.query("SELECT row_to_json(k)::text FROM nightjar.event_keys k")
            {
                try $0.decode(0, as: String.self)
            }
            #expect(stored.count == 2 && !stored.contains { $0.contains(key.suffix(20)) })
            await tenants.close()
        }
    }

    @Test("an event key acts for its tenant; what that may not is refused in words, and nobody else with it")
    func tenants() async throws {
        try await APIServer.with([], configure: Self.signed) { server in
            let body = "{\"name\":\"a/b\",\"data\":{\"text\":\"0123456789\"}}"
            let tenants = Tenants(database: server.database.configuration, logger: .init(label: "test"))
            try await tenants.create("shop")
            var keys: [String] = []
            for tenant in ["default", "shop"] {
                keys.append(try await tenants.createEventKey("web", for: tenant))
            }
            let shop = keys[1]
            #expect(try await server.events(body, key: shop).status == 200)
            #expect(try await server.number("SELECT count(*) FROM nightjar.events WHERE tenant_id = 2") == 1)

            try await tenants.change("shop") { $0.eventBytes = 10 }
            let large = try await server.events(body, key: shop)
            #expect(
                large.status == 413 && large.json["error"]?.string?.contains("may send 10") == true, "\(large.text)")
            try await tenants.change("shop") { limits in
                limits.eventBytes = nil
                limits.liveRuns = 0
            }
            let many = try await server.events(body, key: shop)
            #expect(many.status == 429 && many.headers.first(name: "Retry-After") != nil, "\(many.text)")
            try await tenants.suspend("shop")
            let suspended = try await server.events(body, key: shop)
            #expect(suspended.status == 403 && suspended.text.contains("is suspended"), "\(suspended.text)")
            // The refusal of one does not reach others that share its statement.
            async let refused = server.events(body, key: shop)
            async let stored = server.events(body, key: keys[0])
            #expect(try await [refused.status, stored.status] == [403, 200])
            try await tenants.delete("shop")
            #expect(try await [401, 403].contains(Int(server.events(body, key: shop).status)))
            #expect(try await server.number("SELECT count(*) FROM nightjar.events WHERE tenant_id = 2") == 0)
            await tenants.close()
        }
    }

    @Test("a given event key opens the event API, and the API stays closed")
    func given() async throws {
        try await APIServer.with([], configure: { $0.keys.event = ["one", "two/three"] }) { server in
            #expect(try await server.events("{\"name\":\"a\"}", key: "one").status == 200)
            #expect(try await server.events("{\"name\":\"a\"}", key: "two%2Fthree").status == 200)
            #expect(try await server.events("{\"name\":\"a\"}", key: "three").status == 401)
            let answer = try await server.raw("GET", "/v1/events")
            #expect(answer.status == 401 && answer.json["error"]?.string?.contains("no signing key") == true)
            let invoke = [("authorization", "Bearer one")]
            #expect(try await server.raw("POST", "/invoke/x", Array("{}".utf8), headers: invoke).status == 404)
        }
    }

    @Test("without keys the server is for this machine only")
    func reach() throws {
        var configuration = ServerConfiguration()
        for host in ["127.0.0.1", "localhost", "::1", "127.1.2.3"] {
            configuration.host = host
            #expect(throws: Never.self) { try configuration.checkReach() }
        }
        for host in ["0.0.0.0", "::", "10.0.0.1", "example.com", "127.example.com"] {
            configuration.host = host
            let error = #expect(throws: NightjarError.self) { try configuration.checkReach() }
            #expect(error?.message.contains(host) == true)
        }
        configuration.keys.event = ["x"]
        #expect(throws: Never.self) { try configuration.checkReach() }
        #expect(!"\(configuration)".contains("x\""))
    }
}
