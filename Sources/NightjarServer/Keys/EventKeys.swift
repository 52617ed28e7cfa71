internal import Hummingbird
internal import Nightjar

/// Who may send events: whoever has a key that was given at the start, or one that is stored.
final class EventKeys: Sendable {
    private let pool: PostgresPool
    private let isOpen: Bool
    private let given: [[UInt8]]
    private let givenOwner: GivenKeyOwner
    private let memory = AnswerMemory<KeyOwner>()

    /// - Parameter givenOwner: Whose events those are that come with a given key, or without any where none is asked for.
    init(pool: PostgresPool, keys: ServerKeys, givenOwner: GivenKeyOwner) {
        self.pool = pool
        self.givenOwner = givenOwner
        isOpen = keys.isEmpty
        given = keys.event.map { Self.hash(of: $0) }
    }

    /// What is stored of a key.
    static func hash(of key: String) -> [UInt8] { Digest.sha256(Array(key.utf8)) }

    /// Whose a key is; nil where no key is asked for.
    /// - Throws: ``RequestFailure`` when there is no such key.
    func owner(of key: String) async throws -> KeyOwner? {
        guard !isOpen else { return nil }
        let hash = Self.hash(of: key)
        // All of them, whichever it is: how long it takes tells nothing.
        if given.reduce(false, { found, other in Digest.areEqual(hash, other) || found }) {
            return await givenOwner.current()
        }
        if let owner = try await stored(hash) { return owner }
        guard !given.isEmpty || key.isEmpty else { throw try await refusal() }
        throw Self.unknown
    }

    private func stored(_ hash: [UInt8]) async throws -> KeyOwner? {
        try await memory.value(of: hash) {
            try await pool.withConnection { db in
                try db.query(Statement.eventKeyOwner.sql, [hash]).first.map {
                    KeyOwner(tenant: try $0.decode("tenant_id"), name: try $0.decode("name"))
                }
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
