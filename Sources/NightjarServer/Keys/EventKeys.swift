internal import Hummingbird
internal import Nightjar
internal import Synchronization

/// Who may send events: whoever has a key that was given at the start, or one that is stored.
final class EventKeys: Sendable {
    /// How long an answer of the database counts: a key that is revoked is refused after this time.
    static let memory = Duration.seconds(5)
    private static let mostRemembered = 10_000

    private struct Answer {
        /// Nil: there is no such key.
        var tenant: Int32?
        var until: ContinuousClock.Instant
    }

    private let pool: PostgresPool
    private let isOpen: Bool
    private let given: [[UInt8]]
    private let answers = Mutex<[[UInt8]: Answer]>([:])

    init(pool: PostgresPool, keys: ServerKeys) {
        self.pool = pool
        isOpen = keys.isEmpty
        given = keys.event.map { Self.hash(of: $0) }
    }

    /// What is stored of a key.
    static func hash(of key: String) -> [UInt8] { Digest.sha256(Array(key.utf8)) }

    /// The tenant of a key.
    /// - Throws: ``RequestFailure`` when there is no such key.
    func tenant(of key: String) async throws -> Int32 {
        guard !isOpen else { return 1 }
        let hash = Self.hash(of: key)
        // All of them, whichever it is: how long it takes tells nothing.
        if given.reduce(false, { found, other in Digest.areEqual(hash, other) || found }) { return 1 }
        if let tenant = try await stored(hash) { return tenant }
        guard !given.isEmpty || key.isEmpty else { throw try await refusal() }
        throw Self.unknown
    }

    private func stored(_ hash: [UInt8]) async throws -> Int32? {
        let now = ContinuousClock.now
        if let known = answers.withLock({ $0[hash] }), known.until > now { return known.tenant }
        let tenant = try await pool.withConnection { db in
            try db.query(
                """
                SELECT tenant_id FROM nightjar.event_keys
                WHERE hash = $1 AND (revoked_at IS NULL OR revoked_at > now())
                """, [hash]
            ).first?.decode(0, as: Int32.self)
        }
        answers.withLock { answers in
            if answers.count >= Self.mostRemembered { answers = answers.filter { $0.value.until > now } }
            if answers.count < Self.mostRemembered { answers[hash] = Answer(tenant: tenant, until: now + Self.memory) }
        }
        return tenant
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
