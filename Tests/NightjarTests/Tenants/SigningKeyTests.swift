import Foundation
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

/// The signing keys of tenants, as the database keeps them.
struct SigningKeyTests {
    @Test("Who may read a signing key, and who may make one: nobody but who has rights over all tenants")
    func rights() async throws {
        try await TestDatabase.with { database in
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.create("shop")
            _ = try await tenants.createSigningKey(for: "shop")
            let calls = [
                "SELECT nightjar.create_signing_key('shop')", "SELECT nightjar.switch_signing_key('shop')",
                "SELECT nightjar.import_signing_key('shop', '0011')",
                "SELECT nightjar.revoke_signing_key('shop', 1)",
            ]
            let reads = ["key", "fingerprint", "k"].map { "SELECT \($0) FROM nightjar.signing_keys k" }
            for group in ["nightjar_tenant", "nightjar_reporter"] {
                try await TestRole.with(group, boundTo: "shop", in: database) { role in
                    try await role.connected { db in
                        for refused in calls + reads + ["DELETE FROM nightjar.signing_keys"] {
                            let answer = try await db.answer(refused)
                            #expect(answer.hasPrefix("42501"), "\(group): \(refused): \(answer)")
                        }
                    }
                }
            }
            try await TestRole.with("nightjar_reporter", in: database) { role in
                try await role.connected { db in
                    let known = try await db.answer("SELECT tenant_id || ' ' || signs FROM nightjar.signing_keys")
                    #expect(known == "2 true")
                }
            }
            try await TestRole.with("nightjar_worker", in: database) { role in
                try await role.connected { db in
                    for refused in calls + ["UPDATE nightjar.signing_keys SET tenant_id = 1"] {
                        let answer = try await db.answer(refused)
                        #expect(answer.hasPrefix("42501"), "\(refused): \(answer)")
                    }
                    // It signs.
                    let key = try await db.answer("SELECT key FROM nightjar.signing_keys")
                    #expect(key.hasPrefix("signkey-prod-"))
                }
            }
            try await TestRole.with("nightjar_admin", in: database) { role in
                try await role.connected { db in
                    let key = try await db.answer(calls[0])
                    #expect(key.hasPrefix("signkey-prod-"), "\(key)")
                }
            }
            // Somebody who was given all tables has no tenant's keys but the default one's.
            let probe = try await Probe(database)
            try await TestRole.with(in: database) { role in
                try await probe.script(
                    "GRANT USAGE ON SCHEMA nightjar TO \(role.name); GRANT SELECT ON ALL TABLES IN SCHEMA nightjar TO \(role.name)"
                )
                try await role.connected { db in
                    let keys = try await db.answer("SELECT key FROM nightjar.signing_keys")
                    #expect(keys == "")
                }
            }
            await tenants.close()
        }
    }

    @Test("A tenant has at most two keys, one of which signs, whoever makes and switches them at once")
    func atOnce() async throws {
        try await TestDatabase.with { database in
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.create("shop")
            _ = try await tenants.createSigningKey(for: "shop")
            let made = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<8 {
                    group.addTask {
                        let mine = Tenants(database: database.configuration, logger: .silent)
                        defer { Task { await mine.close() } }
                        guard index.isMultiple(of: 2) else {
                            return (try? await mine.createSigningKey(for: "shop")) != nil
                        }
                        try? await mine.switchSigningKey(of: "shop")
                        return false
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(made == 1)
            let keys = try await tenants.signingKeys(of: "shop")
            #expect(keys.count == 2 && keys[0].signs && !keys[1].signs, "\(keys)")
            await tenants.close()
        }
    }

    @Test("A key that is taken over stands as one that is made; what is no key, or somebody has, is refused unrepeated")
    func imported() async throws {
        try await SharedApp.withTenants { app in
            let tenants = app.tenants
            let key = "signkey-prod-00112233445566778899aabbccddeeff"
            let refusal = { (key: String, tenant: String) async -> NightjarError? in
                do {
                    try await tenants.importSigningKey(key, for: tenant)
                    return nil
                } catch { return error as? NightjarError }
            }
            for bad in [
                "", " ", "signkey-prod-", "signkey-prod-0011223", "signkey-prod-001122zz", "signkey--0011",
                "signkey-0011", "sign-prod-0011", "00 11", "0011\n2233", "0011\0", "signkey-prod-é0",
                String(repeating: "00", count: 257),
            ] {
                let error = try #require(await refusal(bad, "shop"), "\(bad)")
                #expect(error.code == .invalidKey, "\(bad)")
                let isRepeated = ["0011", "é0", "zz"].contains { bad.contains($0) && error.message.contains($0) }
                #expect(!isRepeated, "\(error.message)")
            }
            #expect(try await app.probe.count("signing_keys") == 0)

            let first = try await tenants.importSigningKey("\n\(key)\n ", for: "shop")
            #expect(first.signs && first.goodUntil == nil)
            let stored = try await app.probe.value("SELECT key FROM nightjar.signing_keys", as: String.self)
            #expect(stored == key)
            #expect(try await tenants.signingKeys(of: "2") == [first])
            for tenant in ["shop", "cafe"] {
                // By another prefix it is the same key.
                for text in [key, "signkey-test-" + key.dropFirst(13), key.dropFirst(13).uppercased()] {
                    let again = try #require(await refusal(text, tenant))
                    #expect(again.code == .invalidKey && !again.message.contains(text.suffix(16)), "\(again)")
                    #expect(again.message.contains(tenant == "shop" ? "already" : "another tenant"))
                }
            }
            let second = try await tenants.importSigningKey("abcdef", for: "shop")
            #expect(!second.signs)
            #expect(await refusal("00", "shop")?.code == .invalidTenant)
            await #expect { _ = try await tenants.createSigningKey(for: "shop") } throws: {
                ($0 as? NightjarError)?.code == .invalidTenant
            }
            try await tenants.switchSigningKey(of: "shop", keeping: .zero)
            #expect(try await tenants.signingKeys(of: "shop").map(\.id) == [second.id])
            // Nobody's any more.
            let moved = try await tenants.importSigningKey(key, for: "cafe")
            #expect(moved.signs && moved.fingerprint == first.fingerprint)

            let strangers = [await refusal("00", "nobody")?.code, await refusal("00", "*")?.code]
            #expect(strangers == [.unknownTenant, .invalidTenant])
            try await tenants.delete("cafe")
            #expect(await refusal("00", "3")?.code == .tenantDeleted)
            await #expect { try await tenants.revokeSigningKey(99, of: "shop") } throws: {
                ($0 as? NightjarError)?.code == .unknownKey
            }
            await #expect { try await tenants.revokeSigningKey(99, of: "nobody") } throws: {
                ($0 as? NightjarError)?.code == .unknownTenant
            }
        }
    }

    @Test("Of two tenants that take over the same key at once one has it")
    func importedAtOnce() async throws {
        try await SharedApp.withTenants { app in
            let taken = await withTaskGroup(of: Bool.self) { group in
                for tenant in ["shop", "cafe"] {
                    group.addTask {
                        let mine = Tenants(database: app.database.configuration, logger: .silent)
                        let isTaken = (try? await mine.importSigningKey("0011", for: tenant)) != nil
                        await mine.close()
                        return isTaken
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            let stored = try await app.probe.count("signing_keys")
            #expect(taken == 1 && stored == 1)
        }
    }

    @Test("A key whose time is up is gone for who lists, makes and switches; that of a deleted tenant with the tenant")
    func ends() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.create("shop")
            _ = try await tenants.createSigningKey(for: "shop")
            _ = try await tenants.createSigningKey(for: "shop")
            try await tenants.switchSigningKey(of: "shop", keeping: .zero)
            #expect(try await tenants.signingKeys(of: "shop").count == 1)
            await #expect(throws: NightjarError.self) { try await tenants.switchSigningKey(of: "shop") }
            _ = try await tenants.createSigningKey(for: "shop")
            let stored = try await probe.value("SELECT count(*) FROM nightjar.signing_keys", as: Int64.self)
            #expect(stored == 2)
            await #expect(throws: NightjarError.self) {
                try await tenants.switchSigningKey(of: "shop", keeping: .seconds(-1))
            }
            try await tenants.delete("shop")
            let left = try await probe.value("SELECT count(*) FROM nightjar.signing_keys", as: Int64.self)
            #expect(left == 0)
            await #expect { _ = try await tenants.createSigningKey(for: "2") } throws: {
                ($0 as? NightjarError)?.code == .tenantDeleted
            }
            await tenants.close()
        }
    }
}
