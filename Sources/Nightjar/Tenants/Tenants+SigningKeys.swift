internal import Foundation
internal import PostgresClient

extension Tenants {
    /// The signing keys of a tenant, at most two: first the one that signs.
    public func signingKeys(of name: String) async throws -> [TenantSigningKey] {
        try await session.run { db in try Self.signingKeys(db, of: name) }
    }

    /// Makes a signing key for a tenant and answers it. The first one signs what is sent to the tenant's apps, and whoever has it
    /// uses the API for the tenant; a second one is only accepted, until ``switchSigningKey(of:keeping:)``.
    /// - Throws: ``NightjarError`` with `unknownTenant`, `tenantDeleted`, or `invalidTenant` when it has two already.
    public func createSigningKey(for name: String) async throws -> String {
        try await session.run { db in
            try Self.refusals { try db.query("SELECT nightjar.create_signing_key($1)", [name])[0].decode(0) }
        }
    }

    /// Takes over a signing key that a tenant's apps have already; the same as ``createSigningKey(for:)`` otherwise.
    ///
    /// No error repeats it. It goes to the database as a parameter: a server that logs those logs it.
    /// - Parameter key: Hexadecimal, after an optional prefix such as `signkey-prod-`; blanks around it do not count.
    /// - Throws: ``NightjarError`` with `unknownTenant`, `tenantDeleted`, `invalidTenant` when it has two already, or
    ///   `invalidKey` when it is no key, or some tenant has it.
    @discardableResult
    public func importSigningKey(_ key: String, for name: String) async throws -> TenantSigningKey {
        let key = key.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !key.unicodeScalars.contains(where: { $0.value == 0 }) else {
            throw NightjarError(.invalidKey, "that is no signing key: a character of it is no text")
        }
        return try await session.run { db in
            try db.transaction { db in
                let id = try Self.refusals([.invalidParameterValue: .invalidKey, .duplicateObject: .invalidKey]) {
                    try db.query("SELECT nightjar.import_signing_key($1, $2)", [name, key])[0]
                        .decode(0, as: Int32.self)
                }
                return try Self.signingKeys(db, of: name, id)[0]
            }
        }
    }

    /// Lets the other one of a tenant's two signing keys sign from now on.
    /// - Parameter time: for how long the one that signed is accepted; nil: until it is revoked, or signs again.
    /// - Throws: ``NightjarError`` with `unknownTenant`, or `invalidTenant` when there is no other one.
    public func switchSigningKey(of name: String, keeping time: Duration? = nil) async throws {
        try await session.run { db in
            _ = try Self.refusals { try db.query("SELECT nightjar.switch_signing_key($1, $2)", [name, time]) }
        }
    }

    /// Makes a signing key useless; servers notice within seconds. The one that signs only when it is the last.
    /// - Throws: ``NightjarError`` with `unknownTenant`, `unknownKey`, or `invalidTenant` when the other one is to sign first.
    public func revokeSigningKey(_ id: Int, of name: String) async throws {
        try await session.run { db in
            // Both that there is no such tenant and that it has no such key are an "undefined object".
            try Self.refusals { try db.query("SELECT nightjar.tenant_number($1)", [name]) }
            _ = try Self.refusals([.undefinedObject: .unknownKey]) {
                try db.query("SELECT nightjar.revoke_signing_key($1, $2)", [name, Int32(clamping: id)])
            }
        }
    }

    private static func signingKeys(
        _ db: PostgresConnection, of name: String, _ id: Int32? = nil
    ) throws -> [TenantSigningKey] {
        try refusals {
            try db.query(
                """
                SELECT k.key_id, k.signs, left(encode(k.fingerprint, 'hex'), 12) AS fingerprint, k.created_at, k.good_until
                FROM nightjar.signing_keys k
                WHERE k.tenant_id = nightjar.tenant_number($1) AND (k.good_until IS NULL OR k.good_until > now())
                  AND ($2::int IS NULL OR k.key_id = $2)
                ORDER BY k.signs DESC
                """, [name, id]
            ).map(TenantSigningKey.init)
        }
    }
}
