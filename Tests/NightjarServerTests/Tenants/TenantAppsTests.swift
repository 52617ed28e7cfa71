import Foundation
import Logging
import Nightjar
import NightjarTesting
import Synchronization
import TestSupport
import Testing

@testable import NightjarServer

@Suite("Apps of tenants", .timeLimit(.minutes(5)))
struct TenantAppsTests {
    /// What apps were called with: the path, and the names of the keys that signed it.
    private final class Calls: Sendable {
        private let seen = Mutex<[(path: String, signers: [String])]>([])
        private let keys = Mutex<[String: SigningKey]>([:])

        func know(_ name: String, _ key: String) throws {
            let key = try SigningKey(key)
            keys.withLock { $0[name] = key }
        }

        /// - Parameter waiting: The operations with which a run's first call is answered; nil: it ends with it.
        func take(_ request: TestApp.Asked, waiting: String?) -> TestApp.Answer {
            let path = String(request.uri.prefix { $0 != "?" })
            let header = request.headers["x-inngest-signature"] ?? ""
            let signers = keys.withLock { keys in
                keys.filter { $0.value.verifies(request: header, body: request.body, now: Date()) }.map(\.key)
            }
            seen.withLock { $0.append((path, signers.sorted())) }
            let body = try? JSONCoding.value(JSON.self, from: String(decoding: request.body, as: UTF8.self))
            if let waiting, body?["steps"]?["w"] == nil { return .sdk(206, waiting) }
            return .sdk(200, "\"for \(path)\"")
        }

        func signers(of path: String) -> [[String]] { seen.withLock { $0.filter { $0.path == path }.map(\.signers) } }
    }

    /// Executes the runs of apps beside the server, with its key.
    private static func executing<T: Sendable>(
        _ tenants: TwoTenants, waiting: String? = nil, logger: Logger = .silent,
        _ body: @escaping @Sendable (Calls, TestApp) async throws -> T
    ) async throws -> T {
        let calls = Calls()
        for (name, key) in tenants.signing { try calls.know(name, key) }
        return try await TestApp.with({ calls.take($0, waiting: waiting) }) { app in
            var configuration = ServerConfiguration()
            configuration.keys.signing = TwoTenants.own
            configuration.worker.gracePeriod = .seconds(2)
            let service = RemoteExecutionService(
                configuration: configuration, database: tenants.server.database.configuration, logger: logger)
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await service.run() }
                defer { group.cancelAll() }
                return try await body(calls, app)
            }
        }
    }

    /// Sends an event of a tenant, and waits until its run has ended; answers what it returned.
    private static func output(_ tenants: TwoTenants, _ tenant: String, key: String) async throws -> JSON {
        let event = try await tenants.send(tenant, key: key)
        try await eventually("the run of \(tenant) ends") {
            try await tenants.run(tenant, of: event)["status"]?.string == "Completed"
        }
        return try await tenants.run(tenant, of: event)["output"] ?? nil
    }

    @Test("An app that registers with a tenant's key is that tenant's: its runs are called there, signed with that key")
    func signatures() async throws {
        try await TwoTenants.with { tenants in
            try await Self.executing(tenants) { calls, app in
                for tenant in ["default", "shop", "cafe"] {
                    try await tenants.register(tenant, url: "\(app.url)/\(tenant)")
                }
                for tenant in ["default", "shop", "cafe"] {
                    let output = try await Self.output(tenants, tenant, key: "same")
                    #expect(output == .string("for /\(tenant)"))
                    let signers = calls.signers(of: "/\(tenant)")
                    #expect(!signers.isEmpty && signers.allSatisfy { $0 == [tenant] }, "\(tenant): \(signers)")
                }
                let apps = try await tenants.server.services.pool.query(
                    "SELECT tenant_id::text || a.url FROM nightjar.apps a ORDER BY tenant_id"
                ) { try $0.decode(0, as: String.self) }
                #expect(apps == ["1\(app.url)/default", "2\(app.url)/shop", "3\(app.url)/cafe"])
            }
        }
    }

    @Test("A key that is taken over opens the API and signs, as the app that has it already verifies")
    func imported() async throws {
        let key = "signkey-prod-8F00112233445566778899aabbccddeeff"
        try await TwoTenants.with { tenants in
            let management = Tenants(database: tenants.server.database.configuration, logger: .silent)
            try await management.create("team")
            let refused = try await tenants.server.request(
                "GET", "/v1/runs", headers: ["authorization": "Bearer \(try SigningKey("00ff").token)"])
            #expect(refused.status == 401)
            try await management.importSigningKey(key + "\n", for: "team")
            let event = try await management.createEventKey("web", for: "team")
            // SDKs send it hashed.
            let moved = TwoTenants(
                server: tenants.server, signing: ["team": try SigningKey(key).token], event: ["team": event])
            try await Self.executing(tenants) { calls, app in
                try calls.know("theirs", key)
                try await moved.register("team", url: "\(app.url)/team")
                #expect(try await Self.output(moved, "team", key: "k") == "for /team")
                let signers = calls.signers(of: "/team")
                #expect(!signers.isEmpty && signers.allSatisfy { $0 == ["theirs"] }, "\(signers)")
            }
            await management.close()
        }
    }

    @Test("What a server takes as a signing key, and what can be taken over, is the same")
    func forms() async throws {
        try await TestDatabase.with { database in
            let tenants = Tenants(database: database.configuration, logger: .silent)
            for (index, text) in [
                "00ff", "signkey-prod-00ee", "signkey-my_Branch9-AaBb", " \n00dd\n", "signkey-prod-", "", "0", "00f",
                "signkey-prod-00 11", "signkey-a-b-0011", "signkey--0011", "Signkey-prod-0011", "signkey-prod-00gg",
                "００１１",
                "signkey-é-0011", "xsignkey-prod-0011", "0011signkey-prod-", "0x0011",
            ].enumerated() {
                try await tenants.create("t\(index)x")
                let isKey = (try? SigningKey(text)) != nil
                let isTaken = (try? await tenants.importSigningKey(text, for: "t\(index)x")) != nil
                #expect(isKey == isTaken, "\(text)")
                if isTaken {
                    let key = try SigningKey(text)
                    let listed = try await tenants.signingKeys(of: "t\(index)x")
                    #expect(listed.map(\.signs) == [true])
                    #expect(key.accepts(token: key.token))
                }
            }
            await tenants.close()
        }
    }

    @Test(
        "A second key is accepted, and signs when it takes over; the first is good for as long as is said, or not at all"
    )
    func rotation() async throws {
        try await TwoTenants.with { tenants in
            let management = Tenants(database: tenants.server.database.configuration, logger: .silent)
            try await Self.executing(tenants) { calls, app in
                try await tenants.register("shop", url: "\(app.url)/shop")
                let second = try await management.createSigningKey(for: "shop")
                try calls.know("second", second)
                var renewed = tenants.signing
                renewed["shop"] = second
                let other = TwoTenants(server: tenants.server, signing: renewed, event: tenants.event)
                for keys in [tenants, other] {
                    let answer = try await keys.ask("shop", "GET", "/v1/apps/shop/functions")
                    #expect(answer.status == 200 && answer.body.array?.count == 1, "\(answer.text)")
                }
                _ = try await Self.output(tenants, "shop", key: "before")
                #expect(calls.signers(of: "/shop").allSatisfy { $0 == ["shop"] })

                try await management.switchSigningKey(of: "shop", keeping: .zero)
                let count = Mutex(0)
                try await eventually("the second key signs") {
                    let number = count.withLock { count in
                        count += 1
                        return count
                    }
                    _ = try await Self.output(other, "shop", key: "after \(number)")
                    return calls.signers(of: "/shop").last == ["second"]
                }
                try await eventually("the first key is refused") {
                    try await tenants.ask("shop", "GET", "/v1/runs").status == 401
                }
                let accepted = try await other.ask("shop", "GET", "/v1/runs").status
                #expect(accepted == 200)
            }
            try await management.delete("shop")
            try await eventually("the keys of a tenant that was deleted are refused") {
                try await tenants.ask("shop", "GET", "/v1/runs").status == 401
            }
            let left = try await tenants.server.number("SELECT count(*) FROM nightjar.signing_keys WHERE tenant_id = 2")
            #expect(left == 0)
            await management.close()
        }
    }

    @Test("A wait of a tenant's app is answered by that tenant's event, and is known to that tenant alone")
    func waits() async throws {
        try await TwoTenants.with { tenants in
            let wait = """
                [{"op": "WaitForEvent", "id": "w", "name": "a/answer",
                  "opts": {"event": "a/answer", "timeout": "1h", "if": "event.data.key == async.data.key"}}]
                """
            try await Self.executing(tenants, waiting: wait) { calls, app in
                for tenant in ["shop", "cafe"] { try await tenants.register(tenant, url: "\(app.url)/\(tenant)") }
                let events = ["shop": try await tenants.send("shop"), "cafe": try await tenants.send("cafe")]
                for (tenant, event) in events {
                    try await eventually("the run of \(tenant) waits") {
                        try await tenants.run(tenant, of: event)["state"]?.string == "waiting"
                    }
                }
                let places = try await tenants.server.services.pool.query(
                    "SELECT tenant_id FROM nightjar.match_paths WHERE event = 'a/answer' ORDER BY tenant_id"
                ) { try $0.decode(0, as: Int32.self) }
                #expect(places == [2, 3])
                let answered = { (tenant: String) in
                    try await tenants.run(tenant, of: events[tenant] ?? "")["status"]?.string == "Completed"
                }
                try await tenants.send("cafe", "a/answer")
                try await eventually("the run of cafe ends") { try await answered("cafe") }
                let other = try await answered("shop")
                #expect(!other)
                try await tenants.send("shop", "a/answer")
                try await eventually("the run of shop ends") { try await answered("shop") }
            }
        }
    }

    @Test("What cannot be signed with the tenant's key is not called, and told of; with a key it is")
    func unsigned() async throws {
        try await TwoTenants.with { tenants in
            let log = LoggedLines()
            try await Self.executing(tenants, logger: log.logger) { calls, app in
                let management = Tenants(database: tenants.server.database.configuration, logger: .silent)
                try await tenants.register("shop", url: "\(app.url)/shop")
                let key = try await management.signingKeys(of: "shop")[0]
                // As if another server, with a key of its own, had registered it.
                try await tenants.server.services.pool.execute("DELETE FROM nightjar.signing_keys WHERE tenant_id = 3")
                try await tenants.server.services.pool.transaction { db in
                    try db.query("SELECT set_config('nightjar.tenant', 'cafe', true)")
                    let options = try FunctionOptions().canonicalJSON()
                    try db.query(
                        "SELECT nightjar.sync($1)",
                        [
                            PostgresJSON(
                                """
                                {"name": "shop", "url": "\(app.url)/cafe", "sdk": "py:v0", "checksum": "1", "functions": [
                                  {"name": "f", "title": "F", "options": \(options), "triggers": [{"event": "a/b"}],
                                   "url": "\(app.url)/cafe", "cancel": []}]}
                                """)
                        ])
                }
                try await tenants.send("cafe")
                try await eventually("it is told") {
                    log.lines.contains { $0.contains("its tenant has no signing key") && $0.contains("tenant=3") }
                }
                _ = try await Self.output(tenants, "shop", key: "beside")
                #expect(calls.signers(of: "/cafe") == [])
                let secret = try await management.createSigningKey(for: "cafe")
                try calls.know("made", secret)
                try await eventually("it is called") { calls.signers(of: "/cafe") == [["made"]] }
                #expect(key.signs && !log.lines.contains { $0.contains(secret) })
                await management.close()
            }
        }
    }
}
