import Foundation
import Nightjar
import NightjarTesting
import Testing

@testable import NightjarServer

@Suite("The tenant of a server", .timeLimit(.minutes(5)))
struct ServerTenantTests {
    @Test(
        "What comes without a tenant's key is that of the server's connections: without keys, with given ones",
        arguments: [false, true])
    func writes(_ hasKeys: Bool) async throws {
        let prepare = { @Sendable (database: TestDatabase) in
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.create("shop")
            await tenants.close()
        }
        try await APIServer.with([], tenant: "shop", prepare: prepare) { configuration in
            guard hasKeys else { return }
            configuration.keys.signing = TwoTenants.own
            configuration.keys.event = ["given"]
        } _: { server in
            let headers = hasKeys ? ["authorization": "Bearer \(TwoTenants.ownKey)"] : [:]
            let ask = { (method: String, path: String, body: JSON?) in
                try await server.request(method, path, body: body.map { try JSONCoding.text($0) }, headers: headers)
            }
            let registered = try await ask("POST", "/fn/register", AppConfigTests.app([AppConfigTests.function()]))
            #expect(registered.status == 200, "\(registered.text)")
            #expect(try await server.events("{\"name\": \"a/b\"}", key: "given").status == 200)
            #expect(try await ask("POST", "/api/v2/events", ["name": "a/b"]).status == 200)
            #expect(try await ask("POST", "/invoke/shop-f", ["data": [:]]).status == 200)
            if hasKeys {
                let key = [("authorization", "Bearer given")]
                let invoked = try await server.raw("POST", "/invoke/shop-f", Array("{\"data\":{}}".utf8), headers: key)
                #expect(invoked.status == 200, "\(invoked.text)")
            }
            let runs = try await ask("GET", "/v1/runs", nil).data.array?.count
            #expect(runs == (hasKeys ? 4 : 3))
            for table in ["apps", "functions", "events", "runs", "live"] {
                let strangers = try await server.number("SELECT count(*) FROM nightjar.\(table) WHERE tenant_id <> 2")
                #expect(strangers == 0, "\(table)")
            }
        }
    }

    @Test("A server whose tenant does not exist says so")
    func unknown() async throws {
        try await TestDatabase.with { database in
            for tenant in ["17", "nobody"] {
                var configuration = database.configuration
                configuration.settings["nightjar.tenant"] = tenant
                let process = ServerProcess(
                    database: configuration, configuration: ServerConfiguration(), logger: .silent)
                let error = await #expect(throws: (any Error).self) { try await process.run() }
                let text = error.map { "\($0)" } ?? ""
                #expect(text.contains("there is no tenant"), "\(text)")
            }
        }
    }

    @Test("As soon as a tenant has a signing key, a server that is started asks for keys")
    func required() async throws {
        let prepare = { @Sendable (database: TestDatabase) in
            let tenants = Tenants(database: database.configuration, logger: .silent)
            _ = try await tenants.createSigningKey(for: "default")
            await tenants.close()
        }
        try await APIServer.with([], prepare: prepare) {
            $0.keys.signingIsStored = true
        } _: { server in
            let facts = try await server.services.pool.withConnection { db in try ServerTenant.read(db) }
            #expect(facts.hasSigningKeys && !facts.hasEventKeys && facts.id == 1)
            #expect(try await server.get("/v1/runs").status == 401)
            let key = try await server.services.pool.query("SELECT key FROM nightjar.signing_keys") {
                try $0.decode(0, as: String.self)
            }[0]
            let secret = try SigningKey(key)
            for token in [key, String(key.dropFirst(13)), secret.token, String(secret.token.dropFirst(13))] {
                let answer = try await server.raw("GET", "/v1/runs", headers: [("authorization", "Bearer \(token)")])
                #expect(answer.status == 200, "\(answer.text)")
            }
            for token in [
                "signkey-test-\(key.dropFirst(13))", "\(key)00", "signkey-prod-", "x", String(key.dropLast(2)),
                // What finds the key is not the key.
                Digest.sha256([UInt8](hex: String(secret.token.dropFirst(13))) ?? []).hex,
            ] {
                let answer = try await server.raw("GET", "/v1/runs", headers: [("authorization", "Bearer \(token)")])
                #expect(answer.status == 401, "\(token)")
            }
        }
    }
}
