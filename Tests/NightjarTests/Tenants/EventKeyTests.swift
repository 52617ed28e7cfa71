import Foundation
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

/// The event keys of tenants, as who manages tenants has them.
struct EventKeyTests {
    private static func refusal(_ body: () async throws -> Void) async -> NightjarError.Code? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? NightjarError)?.code
        }
    }

    @Test("A tenant's event keys are made, listed, rotated and revoked; those of the same name of another one stay")
    func life() async throws {
        try await SharedApp.withTenants { app in
            let tenants = app.tenants
            let keys = [
                try await tenants.createEventKey("web", for: "shop"), try await tenants.createEventKey("web", for: "3"),
            ]
            #expect(Set(keys).count == 2 && keys.allSatisfy { $0.hasPrefix("nj-event-") && $0.count == 73 })
            let (renewed, oldName) = try await tenants.rotateEventKey("web", of: "shop", keeping: .seconds(3_600))
            #expect(oldName == "web #1" && !keys.contains(renewed))
            try await tenants.revokeEventKey("web", of: "shop")

            let shop = try await tenants.eventKeys(of: "2")
            #expect(shop.map(\.name) == ["web #1", "web"] && shop.map(\.id) == [1, 3])
            let ends = try shop.map { try #require($0.goodUntil).timeIntervalSince($0.createdAt) }
            #expect(ends[0] >= 3_600 && ends[1] < 3_600, "\(ends)")
            let cafe = try await tenants.eventKeys(of: "cafe")
            #expect(cafe.map(\.name) == ["web"] && cafe[0].goodUntil == nil)
            #expect(try await tenants.eventKeys(of: "default").isEmpty)

            // What is kept of a key is its hash.
            let hashes = try await app.probe.run { db in
                try db.query(
                    """
                    SELECT k.hash = sha256(convert_to(g.key, 'UTF8')) FROM nightjar.event_keys k
                    JOIN unnest($1::text[]) WITH ORDINALITY g (key, id) ON k.key_id = g.id
                    """, [keys + [renewed]]
                ).map { try $0.decode(0, as: Bool.self) }
            }
            #expect(hashes == [true, true, true])
        }
    }

    @Test("What cannot be made, rotated or revoked is an error that says which, and changes nothing")
    func refusals() async throws {
        try await SharedApp.withTenants { app in
            let tenants = app.tenants
            _ = try await tenants.createEventKey("web", for: "shop")
            _ = try await tenants.createEventKey("app", for: "shop")
            _ = try await tenants.rotateEventKey("app", of: "shop", keeping: .zero)
            let before = try await tenants.eventKeys(of: "shop")

            let create = { (key: String, tenant: String) in
                await Self.refusal { _ = try await tenants.createEventKey(key, for: tenant) }
            }
            let taken = [await create("web", "shop"), await create("app #2", "shop")]
            #expect(taken == [.invalidKey, .invalidKey])
            let names = [
                await create("", "shop"), await create(String(repeating: "x", count: 256), "shop"),
                await create("a\0b", "shop"),
            ]
            #expect(names == [.invalidKey, .invalidKey, .invalidKey])
            let strangers = [await create("web", "nobody"), await create("web", "17"), await create("web", "*")]
            #expect(strangers == [.unknownTenant, .unknownTenant, .invalidTenant])

            let rotate = { (key: String, tenant: String, time: Duration) in
                await Self.refusal { _ = try await tenants.rotateEventKey(key, of: tenant, keeping: time) }
            }
            let rotated = [
                await rotate("none", "shop", .zero), await rotate("app #2", "shop", .zero),
                await rotate("web", "cafe", .zero), await rotate("web", "nobody", .zero),
                await rotate("web", "shop", .seconds(-1)),
            ]
            #expect(rotated == [.unknownKey, .unknownKey, .unknownKey, .unknownTenant, .invalidKey])

            let revoke = { (key: String, tenant: String) in
                await Self.refusal { try await tenants.revokeEventKey(key, of: tenant) }
            }
            let revoked = [
                await revoke("none", "shop"), await revoke("app #2", "shop"), await revoke("web", "cafe"),
                await revoke("web", "nobody"),
            ]
            #expect(revoked == [.unknownKey, .unknownKey, .unknownKey, .unknownTenant])
            let list = await Self.refusal { _ = try await tenants.eventKeys(of: "nobody") }
            #expect(list == .unknownTenant)
            #expect(try await tenants.eventKeys(of: "shop") == before)
            #expect(try await app.probe.count("event_keys") == 3)

            try await tenants.delete("shop")
            let deleted = [await create("web", "2"), await rotate("web", "2", .zero), await revoke("web", "2")]
            #expect(deleted == [.tenantDeleted, .unknownKey, .unknownKey])
            #expect(try await tenants.eventKeys(of: "2").isEmpty)
        }
    }

    @Test("An admin may for every tenant; a reporter lists, bound to a tenant only that one's; a tenant may nothing")
    func rights() async throws {
        try await SharedApp.withTenants { app in
            for tenant in ["shop", "cafe"] { _ = try await app.tenants.createEventKey("web", for: tenant) }
            let denied = { (tenants: Tenants) in
                for body: () async throws -> Void in [
                    { _ = try await tenants.createEventKey("other", for: "shop") },
                    { _ = try await tenants.rotateEventKey("web", of: "shop") },
                    { try await tenants.revokeEventKey("web", of: "shop") },
                ] {
                    await #expect { try await body() } throws: {
                        ($0 as? PostgresError)?.sqlState == .insufficientPrivilege
                    }
                }
            }
            try await TestRole.with("nightjar_admin", in: app.database) { role in
                let tenants = Tenants(database: role.configuration, logger: .silent)
                _ = try await tenants.createEventKey("admin", for: "cafe")
                _ = try await tenants.rotateEventKey("admin", of: "cafe")
                try await tenants.revokeEventKey("admin", of: "cafe")
                #expect(try await tenants.eventKeys(of: "cafe").map(\.name) == ["web", "admin #3", "admin"])
                let seen = try await tenants.eventKeys(of: "shop").map(\.name)
                #expect(seen == ["web"])
                await tenants.close()
            }
            try await TestRole.with("nightjar_reporter", in: app.database) { role in
                let tenants = Tenants(database: role.configuration, logger: .silent)
                let seen = try await tenants.eventKeys(of: "shop").map(\.name)
                #expect(seen == ["web"])
                await denied(tenants)
                await tenants.close()
            }
            try await TestRole.with("nightjar_reporter", boundTo: "shop", in: app.database) { role in
                let tenants = Tenants(database: role.configuration, logger: .silent)
                let seen = try await tenants.eventKeys(of: "shop").map(\.name)
                #expect(seen == ["web"])
                let other = await Self.refusal { _ = try await tenants.eventKeys(of: "cafe") }
                #expect(other == .unknownTenant)
                await denied(tenants)
                await tenants.close()
            }
            try await TestRole.with("nightjar_tenant", boundTo: "shop", in: app.database) { role in
                let tenants = Tenants(database: role.configuration, logger: .silent)
                await #expect { _ = try await tenants.eventKeys(of: "shop") } throws: {
                    ($0 as? PostgresError)?.sqlState == .insufficientPrivilege
                }
                await denied(tenants)
                await tenants.close()
            }
        }
    }

    @Test("Of many who rotate a key at once one does; the name always has one good key")
    func atOnce() async throws {
        try await SharedApp.withTenants { app in
            _ = try await app.tenants.createEventKey("web", for: "shop")
            await withTaskGroup { group in
                for _ in 0..<6 {
                    group.addTask {
                        let mine = Tenants(database: app.database.configuration, logger: .silent)
                        _ = try? await mine.rotateEventKey("web", of: "shop")
                        await mine.close()
                    }
                }
            }
            let keys = try await app.tenants.eventKeys(of: "shop")
            #expect(keys.count > 1 && keys.count(where: { $0.goodUntil == nil }) == 1, "\(keys)")
            #expect(keys.last?.name == "web" && keys.last?.goodUntil == nil)
        }
    }
}
