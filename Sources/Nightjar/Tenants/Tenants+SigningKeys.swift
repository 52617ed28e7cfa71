internal import PostgresClient

extension Tenants {
    /// The signing keys of a tenant, at most two: first the one that signs.
    public func signingKeys(of name: String) async throws -> [TenantSigningKey] {
        try await session.run { db in
            try Self.refusals {
                try db.query(
                    """
                    SELECT k.key_id, k.signs, left(encode(k.fingerprint, 'hex'), 12) AS fingerprint, k.created_at, k.good_until
                    FROM nightjar.signing_keys k
                    WHERE k.tenant_id = nightjar.tenant_number($1) AND (k.good_until IS NULL OR k.good_until > now())
                    ORDER BY k.signs DESC
                    """, [name]
                ).map(TenantSigningKey.init)
            }
        }
    }

    /// Makes a signing key for a tenant and answers it. The first one signs what is sent to the tenant's apps, and whoever has it
    /// uses the API for the tenant; a second one is only accepted, until ``switchSigningKey(of:keeping:)``.
    /// - Throws: ``NightjarError`` with `unknownTenant`, `tenantDeleted`, or `invalidTenant` when it has two already.
    public func createSigningKey(for name: String) async throws -> String {
        try await session.run { db in
            try Self.refusals { try db.query("SELECT nightjar.create_signing_key($1)", [name])[0].decode(0) }
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
    /// - Throws: ``NightjarError`` with `unknownTenant` when there is no such tenant or key, or `invalidTenant`.
    public func revokeSigningKey(_ id: Int, of name: String) async throws {
        try await session.run { db in
            _ = try Self.refusals {
                try db.query("SELECT nightjar.revoke_signing_key($1, $2)", [name, Int32(clamping: id)])
            }
        }
    }
}
