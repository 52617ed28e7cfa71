import Foundation
import Logging
import Nightjar
import NightjarTesting
import PostgresClient

/// Two tenants, `shop` (2) and `cafe` (3), and a way to act for each.
struct SharedApp: Sendable {
    let database: TestDatabase
    let probe: Probe
    let tenants: Tenants
    let shop: Client
    let cafe: Client

    /// Connects for one tenant.
    static func client(_ database: TestDatabase, _ tenant: String) -> Client {
        var configuration = database.configuration
        configuration.settings["nightjar.tenant"] = tenant
        return Client(database: configuration, logger: .silent)
    }

    /// Makes the tenants.
    static func withTenants<T: Sendable>(_ body: @Sendable (SharedApp) async throws -> T) async throws -> T {
        try await TestDatabase.with { database in
            let app = SharedApp(
                database: database, probe: try await Probe(database),
                tenants: Tenants(database: database.configuration, logger: .silent),
                shop: client(database, "shop"), cafe: client(database, "cafe"))
            for name in ["shop", "cafe"] { try await app.tenants.create(name) }
            let result = try await body(app)
            for client in [app.shop, app.cafe] { await client.close() }
            await app.tenants.close()
            return result
        }
    }

    /// Makes the tenants, and runs a worker that serves all of them.
    static func with<T: Sendable>(
        _ functions: [FunctionDefinition], logger: Logger = .silent, _ body: @Sendable (SharedApp) async throws -> T
    ) async throws -> T {
        try await withTenants { app in
            let result = try await RunningWorker.with(
                functions, in: app.database, tenants: .all, logger: logger
            ) { _ in try await body(app) }
            let violations = try await app.probe.violations()
            guard violations.isEmpty else { throw NightjarError(.configuration, violations.joined(separator: "; ")) }
            return result
        }
    }

    /// Registers functions of an app of all tenants, as `nightjar.register` takes them.
    func share(_ functions: String, app: String = Probe.queueName) async throws {
        try await probe.run { db in
            try db.transaction { db in
                try db.script("SET LOCAL nightjar.tenant = '*'")
                try db.query("SELECT nightjar.register($1, $2)", [app, PostgresJSON(functions)])
            }
        }
    }

    /// How the runs of a tenant stand, by the keys of their events.
    func statuses(of tenant: Int) async throws -> [String] {
        try await probe.run { db in
            try db.query(
                """
                SELECT (e.data ->> 'key') || ' ' || r.status FROM nightjar.run_status r
                JOIN nightjar.events e ON e.event_id = r.event_id AND e.tenant_id = r.tenant_id
                WHERE r.tenant_id = $1 ORDER BY r.event_seq, r.run_id
                """, [Int32(tenant)]
            ).map { try $0.decode(0) }
        }
    }
}
