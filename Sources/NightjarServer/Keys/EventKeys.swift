internal import Hummingbird
internal import Nightjar

/// Who may send events: whoever has a key that was given at the start, or one that is stored.
final class EventKeys: Sendable {
    private let pool: PostgresPool
    private let isOpen: Bool
    private let given: [[UInt8]]
    private let tenant: Int32
    private let memory = AnswerMemory<Int32>()

    /// - Parameter tenant: Whose events those are that come with a given key, or without any where none is asked for.
    init(pool: PostgresPool, keys: ServerKeys, tenant: Int32) {
        self.pool = pool
        self.tenant = tenant
        isOpen = keys.isEmpty
        given = keys.event.map { Self.hash(of: $0) }
    }

    /// What is stored of a key.
    static func hash(of key: String) -> [UInt8] { Digest.sha256(Array(key.utf8)) }

    /// The tenant of a key.
    /// - Throws: ``RequestFailure`` when there is no such key.
    func tenant(of key: String) async throws -> Int32 {
        guard !isOpen else { return tenant }
        let hash = Self.hash(of: key)
        // All of them, whichever it is: how long it takes tells nothing.
        if given.reduce(false, { found, other in Digest.areEqual(hash, other) || found }) { return tenant }
        if let tenant = try await stored(hash) { return tenant }
        guard !given.isEmpty || key.isEmpty else { throw try await refusal() }
        throw Self.unknown
    }

    private func stored(_ hash: [UInt8]) async throws -> Int32? {
        try await memory.value(of: hash) {
            try await pool.withConnection { db in
                try db.query(
                    """
                    SELECT tenant_id FROM nightjar.event_keys
                    WHERE hash = $1 AND (revoked_at IS NULL OR revoked_at > now())
                    """, [hash]
                ).first?.decode(0, as: Int32.self)
            }
        }
    }

    private func refusal() async throws -> RequestFailure {
        let exist = try await pool.withConnection { db in
            try db.query(
                "SELECT EXISTS (SELECT FROM nightjar.event_keys WHERE revoked_at IS NULL OR revoked_at > now())")[0]
                .decode(0, as: Bool.self)
        }
        return exist
            ? Self.unknown
            : RequestFailure(
                .serviceUnavailable, "no_event_keys",
                "there is no event key yet; make one with 'nightjar keys create NAME'")
    }

    private static let unknown = RequestFailure(.unauthorized, "unauthorized", "Event key not found")
}
