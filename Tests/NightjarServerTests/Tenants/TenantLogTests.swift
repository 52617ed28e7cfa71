import Foundation
import Logging
import Nightjar
import NightjarTesting
import TestSupport
import Testing

@testable import NightjarServer

@Suite("The tenant in the log of requests", .timeLimit(.minutes(5)))
struct TenantLogTests {
    /// The line of a request, which is written after it was answered.
    private static func line(_ log: LoggedLines, of id: String) async throws -> String {
        let find = { log.lines.last { $0.hasPrefix("request ") && $0.contains("hb.request.id=\(id) ") } }
        try await eventually("request \(id) is logged") { find() != nil }
        return try #require(find())
    }

    @Test("Each request says whose key it came with, by the tenant's name, and none repeats the key")
    func named() async throws {
        let log = LoggedLines(from: .trace)
        try await TwoTenants.with(logger: log.logger) { tenants in
            let server = tenants.server
            for (tenant, key) in tenants.signing {
                _ = try await server.raw(
                    "GET", "/v1/runs", headers: [("authorization", "Bearer \(key)"), ("x-request-id", "api-\(tenant)")])
                let line = try await Self.line(log, of: "api-\(tenant)")
                #expect(line.contains("nightjar.tenant=\(tenant) ") && line.contains("status=200"), "\(line)")
            }
            for (tenant, key) in tenants.event {
                let sent = try await server.events(
                    "{\"name\":\"a/b\"}", key: key, headers: [("x-request-id", "event-\(tenant)")])
                #expect(sent.status == 200)
                let line = try await Self.line(log, of: "event-\(tenant)")
                #expect(line.contains("nightjar.tenant=\(tenant) "), "\(line)")
                // Also what is refused, and what an event key opens besides.
                _ = try await server.events("no", key: key, headers: [("x-request-id", "bad-\(tenant)")])
                let bad = try await Self.line(log, of: "bad-\(tenant)")
                #expect(bad.contains("nightjar.tenant=\(tenant) ") && bad.contains("status=400"), "\(bad)")
                _ = try await server.raw(
                    "POST", "/invoke/none", Array("{}".utf8),
                    headers: [("authorization", "Bearer \(key)"), ("x-request-id", "invoke-\(tenant)")])
                let invoke = try await Self.line(log, of: "invoke-\(tenant)")
                #expect(invoke.contains("nightjar.tenant=\(tenant) ") && invoke.contains("status=404"), "\(invoke)")
            }
            let secrets = (Array(tenants.signing.values) + Array(tenants.event.values)).map { $0.suffix(16) }
            for line in log.lines { #expect(!secrets.contains { line.contains($0) }, "\(line)") }
        }
    }

    @Test("A request without a key, with one that is nobody's, or where none is asked for says no tenant")
    func unnamed() async throws {
        let log = LoggedLines(from: .trace)
        try await TwoTenants.with(logger: log.logger) { tenants in
            let asked = [
                ("none", "GET", "/v1/runs", nil), ("wrong", "GET", "/v1/runs", "signkey-prod-00"),
                ("open", "GET", "/health", tenants.signing["shop"]), ("event", "POST", "/e/nobody", nil),
            ]
            for (id, method, path, key) in asked {
                let headers = [("x-request-id", id)] + (key.map { [("authorization", "Bearer \($0)")] } ?? [])
                _ = try await tenants.server.raw(method, path, headers: headers)
                let line = try await Self.line(log, of: id)
                #expect(!line.contains("nightjar.tenant"), "\(line)")
            }
        }
        let dev = LoggedLines(from: .trace)
        try await APIServer.with([], logger: dev.logger) { server in
            let key = [("authorization", "Bearer \(TwoTenants.ownKey)"), ("x-request-id", "dev")]
            _ = try await server.raw("GET", "/v1/runs", headers: key)
            _ = try await server.events("{\"name\":\"a\"}", headers: [("x-request-id", "dev-event")])
            for id in ["dev", "dev-event"] {
                let line = try await Self.line(dev, of: id)
                #expect(line.contains("status=200") && !line.contains("nightjar.tenant"), "\(line)")
            }
        }
    }

    @Test("Who owns the given keys is known by his new name once the old one is old; by his number while there is none")
    func renamed() async throws {
        try await TestDatabase.with { database in
            let pool = PostgresPool(database.configuration, logger: .silent)
            let tenants = Tenants(database: database.configuration, logger: .silent)
            let patient = GivenKeyOwner(pool: pool, tenant: 2)
            let stranger = await patient.current()
            #expect(stranger.tenant == 2 && stranger.name == "2")
            try await tenants.create("shop")
            let (first, impatient) = (await patient.current(), GivenKeyOwner(pool: pool, tenant: 2, span: .zero))
            #expect(first.name == "shop")
            #expect(await impatient.current().name == "shop")
            try await tenants.rename("shop", to: "bookshop")
            let (old, new) = (await patient.current().name, await impatient.current().name)
            #expect(old == "shop" && new == "bookshop")
            // A name that is not to be had keeps nobody waiting for ever, and is not forgotten.
            await pool.close()
            #expect(await impatient.current().name == "bookshop")
            await tenants.close()
        }
    }
}
