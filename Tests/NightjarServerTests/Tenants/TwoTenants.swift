import Foundation
import Logging
import Nightjar
import NightjarTesting
import Testing

@testable import NightjarServer

/// A server with a signing key of its own, and two tenants with theirs: `shop` (2) and `cafe` (3), of which each has an app, a
/// function and runs of the same names.
struct TwoTenants: Sendable {
    static let ownKey = "signkey-prod-0123456789abcdef"
    static let own = try! SigningKeys(SigningKey(ownKey))

    let server: APIServer
    /// By tenant.
    let signing: [String: String]
    let event: [String: String]

    static func with<T: Sendable>(
        logger: Logger = .silent, _ body: @escaping @Sendable (TwoTenants) async throws -> T
    ) async throws -> T {
        try await APIServer.with([], logger: logger, configure: { $0.keys.signing = own }) { server in
            var signing = ["default": ownKey]
            var event: [String: String] = [:]
            let tenants = Tenants(database: server.database.configuration, logger: .silent)
            for name in ["default", "shop", "cafe"] {
                if name != "default" {
                    try await tenants.create(name)
                    signing[name] = try await tenants.createSigningKey(for: name)
                }
                event[name] = try await tenants.createEventKey("web", for: name)
            }
            await tenants.close()
            return try await body(TwoTenants(server: server, signing: signing, event: event))
        }
    }

    /// A request with a tenant's signing key.
    func ask(_ tenant: String, _ method: String, _ path: String, _ body: JSON? = nil) async throws -> APIServer.Answer {
        try await server.request(
            method, path, body: body.map { try JSONCoding.text($0) },
            headers: ["authorization": "Bearer \(signing[tenant] ?? "")"])
    }

    /// Registers an app of one function, `shop-f`, for `a/b`.
    func register(_ tenant: String, url: String = "http://127.0.0.1:9/x") async throws {
        let function = AppConfigTests.function([
            "steps": ["step": ["id": "step", "name": "step", "runtime": ["type": "http", "url": .string(url)]]],
            "cancel": [["event": "a/cancel", "if": "event.data.key == async.data.key"]],
        ])
        let answer = try await ask(
            tenant, "POST", "/fn/register", AppConfigTests.app([function], ["url": .string(url)]))
        #expect(answer.status == 200, "\(answer.text)")
    }

    /// Sends an event with a tenant's event key; answers the id of the event.
    @discardableResult
    func send(_ tenant: String, _ name: String = "a/b", key: String = "same") async throws -> String {
        let sent: JSON = ["name": .string(name), "data": ["key": .string(key)], "id": .string("\(name) \(key)")]
        let answer = try await server.events(JSONCoding.text(sent), key: event[tenant] ?? "")
        return try #require(answer.ids.first, "\(answer.text)")
    }

    /// The only run that an event of a tenant has started.
    func run(_ tenant: String, of event: String) async throws -> JSON {
        let answer = try await ask(tenant, "GET", "/v1/events/\(event)/runs")
        return try #require(answer.data[0], "\(answer.text)")
    }

    /// What a tenant has, in one number that changes with it.
    func holdings(of tenant: Int) async throws -> String {
        let tables = [
            "events", "runs", "live", "waits", "pending", "steps", "open_steps", "attempts", "outcomes", "idempotency",
            "bulk_cancels", "signals", "apps", "functions", "function_triggers", "cancel_policies", "tenants",
            "event_keys", "signing_keys", "match_paths", "match_log",
        ]
        let rows = tables.map {
            "SELECT '\($0) ' || x::text AS row FROM nightjar.\($0) x WHERE x.tenant_id = \(tenant)"
        }
        return try await server.services.pool.query(
            "SELECT md5(string_agg(t.row, ';' ORDER BY t.row)) FROM (\(rows.joined(separator: " UNION ALL "))) t"
        ) { try $0.decode(0, as: String.self) }[0]
    }
}
