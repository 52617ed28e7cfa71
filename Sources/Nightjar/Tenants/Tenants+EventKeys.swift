internal import PostgresClient

/// What an event key acts for is one tenant: its events are that tenant's.
///
/// ```swift
/// let key = try await tenants.createEventKey("web", for: "shop")      // for the senders' INNGEST_EVENT_KEY
/// ```
extension Tenants {
    /// The event keys of a tenant, also those that were revoked, oldest first. Besides those who manage tenants, who has the
    /// rights of `nightjar_reporter` may ask; bound to a tenant, for that one.
    /// - Throws: ``NightjarError`` with `unknownTenant`.
    public func eventKeys(of name: String) async throws -> [TenantEventKey] {
        try await session.run { db in
            try Self.refusals { try db.query(Statement.eventKeys.sql, [name]).map(TenantEventKey.init) }
        }
    }

    /// Makes an event key for a tenant and answers it, for the first and the last time: only its hash is kept. Whoever has it
    /// sends events of the tenant over HTTP, and invokes its functions.
    /// - Parameter key: What it is called, in 1 to 255 characters.
    /// - Throws: ``NightjarError`` with `unknownTenant`, `tenantDeleted`, `invalidTenant` for all tenants, or `invalidKey` when
    ///   the tenant has, or had, a key of that name.
    public func createEventKey(_ key: String, for name: String) async throws -> String {
        guard (1...255).contains(key.count), !key.unicodeScalars.contains(where: { $0.value == 0 }) else {
            throw NightjarError(.invalidKey, "an event key cannot be called \"\(key)\": a name has 1 to 255 characters")
        }
        return try await session.run { db in
            let made = try Self.eventKeyRefusals(key) { try db.query(Statement.createEventKey.sql, [name, key]) }
            guard let made = made.first else {
                throw NightjarError(.tenantDeleted, "tenant \"\(name)\" is deleted: it takes no keys")
            }
            return try made.decode(0)
        }
    }

    /// Makes another event key under the name of one and answers it. The old one, under the name that is answered too, is good
    /// for a while: senders change over one by one.
    /// - Parameter time: for how long the old one is good, from 0.
    /// - Throws: ``NightjarError`` with `unknownTenant`, `unknownKey` when the tenant has no such key, or it was revoked or
    ///   rotated, or `invalidKey` when there is no such time.
    public func rotateEventKey(
        _ key: String, of name: String, keeping time: Duration = .seconds(86_400)
    ) async throws -> (key: String, oldName: String) {
        guard time >= .zero else { throw NightjarError(.invalidKey, "a key cannot be kept for \(time): from 0") }
        return try await session.run { db in
            let rotated = try Self.eventKeyRefusals(key) {
                try db.query(Statement.rotateEventKey.sql, [name, key, time]).first
            }
            guard let rotated else { throw Self.unknown(key, of: name, "rotated") }
            return (try rotated.decode("key"), try rotated.decode("name"))
        }
    }

    /// Makes an event key useless; servers notice within seconds. Its name stays taken.
    /// - Throws: ``NightjarError`` with `unknownTenant`, or `unknownKey` when the tenant has no such key, or it was revoked
    ///   already.
    public func revokeEventKey(_ key: String, of name: String) async throws {
        try await session.run { db in
            let revoked = try Self.refusals { try db.query(Statement.revokeEventKey.sql, [name, key]) }
            guard !revoked.isEmpty else { throw Self.unknown(key, of: name, "revoked") }
        }
    }

    private static func unknown(_ key: String, of name: String, _ what: String) -> NightjarError {
        NightjarError(
            .unknownKey,
            "tenant \"\(name)\" has no event key \"\(key)\" that could be \(what); see 'nightjar keys list --tenant'")
    }

    private static func eventKeyRefusals<T>(_ key: String, _ body: () throws -> T) throws -> T {
        do {
            return try refusals { try body() }
        } catch let error as PostgresError where error.sqlState == .uniqueViolation {
            throw NightjarError(
                .invalidKey, "there is a key \"\(key)\" already, or there was one; give this one another name")
        } catch let error as PostgresError where error.sqlState == .checkViolation {
            throw NightjarError(.invalidTenant, "a key belongs to one tenant, not to all; name one")
        }
    }
}
