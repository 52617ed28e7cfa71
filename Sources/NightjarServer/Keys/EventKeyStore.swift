package import Foundation
package import Nightjar

/// The event keys of the connection's tenant: only what they hash to.
package struct EventKeyStore: Sendable {
    /// A key, without the key itself, which nobody has but its owner.
    package struct Entry: Sendable {
        package var name: String
        package var createdAt: Date
        package var revokedAt: Date?
    }

    private let session: PostgresSession

    package init(_ session: PostgresSession) {
        self.session = session
    }

    /// Makes a key. It is shown once: only its hash is kept.
    /// - Throws: `NightjarError` when the name is taken.
    package func create(_ name: String) async throws -> String {
        let key = Self.random()
        do {
            try await session.run { db in
                try db.execute(
                    "INSERT INTO nightjar.event_keys (name, hash) VALUES ($1, $2)", [name, EventKeys.hash(of: key)])
            }
        } catch let error as PostgresError where error.sqlState == .uniqueViolation {
            throw NightjarError(
                .configuration, "there is a key \"\(name)\" already, or there was one; give this one another name")
        } catch let error as PostgresError where error.sqlState == .checkViolation {
            throw NightjarError(.invalidTenant, "a key belongs to one tenant, not to all; name one")
        }
        return key
    }

    /// All keys, also those that were revoked, oldest first.
    package func list() async throws -> [Entry] {
        try await session.run { db in
            try db.query(
                """
                SELECT name, created_at, revoked_at FROM nightjar.event_keys
                WHERE tenant_id = nightjar.current_tenant() ORDER BY key_id
                """
            ).map {
                Entry(
                    name: try $0.decode("name"), createdAt: try $0.decode("created_at"),
                    revokedAt: try $0.decode("revoked_at"))
            }
        }
    }

    /// Makes a key useless; says whether there was such a key that was not useless yet. Servers notice within seconds.
    package func revoke(_ name: String) async throws -> Bool {
        try await session.run { db in
            try db.execute(
                """
                UPDATE nightjar.event_keys SET revoked_at = now()
                WHERE tenant_id = nightjar.current_tenant() AND name = $1 AND (revoked_at IS NULL OR revoked_at > now())
                """, [name]) > 0
        }
    }

    /// Makes another key under the name of one, which goes on for a while under another name. Answers both.
    /// - Throws: `NightjarError` when there is no such key, or it is revoked.
    package func rotate(_ name: String, keeping time: Duration) async throws -> (key: String, oldName: String) {
        let key = Self.random()
        let old = try await session.run { db in
            try db.transaction { db in
                let old = try db.query(
                    """
                    UPDATE nightjar.event_keys k SET name = left(k.name, 200) || ' #' || k.key_id, revoked_at = now() + $2
                    WHERE k.tenant_id = nightjar.current_tenant() AND k.name = $1 AND k.revoked_at IS NULL RETURNING k.name
                    """, [name, time]
                ).first?.decode(0, as: String.self)
                if old != nil {
                    try db.execute(
                        "INSERT INTO nightjar.event_keys (name, hash) VALUES ($1, $2)", [name, EventKeys.hash(of: key)])
                }
                return old
            }
        }
        guard let old else {
            throw NightjarError(
                .configuration, "there is no key \"\(name)\" that could be rotated; see 'nightjar keys list'")
        }
        return (key, old)
    }

    /// 256 bits from the system's source, in characters that need no escapes in a URL.
    private static func random() -> String {
        var generator = SystemRandomNumberGenerator()
        return "nj-event-" + (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }.hex
    }
}
