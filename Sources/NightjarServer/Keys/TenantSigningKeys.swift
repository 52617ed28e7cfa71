internal import Nightjar
internal import Synchronization

/// The keys with which what is sent to the apps of one tenant is signed: those that were given at the start, else those that are
/// stored.
final class TenantSigningKeys: Sendable {
    private struct Known {
        var keys: SigningKeys?
        var until: ContinuousClock.Instant
    }

    private let pool: PostgresPool
    private let tenant: Int32
    private let given: SigningKeys?
    private let known = Mutex<Known?>(nil)

    /// - Parameter given: The server's keys, if they are this tenant's.
    init(pool: PostgresPool, tenant: Int32, given: SigningKeys?) {
        self.pool = pool
        self.tenant = tenant
        self.given = given
    }

    /// The keys at present; nil: the tenant has none.
    func current() async throws -> SigningKeys? {
        if let given { return given }
        let now = ContinuousClock.now
        let last = known.withLock { $0 }
        if let last, last.until > now { return last.keys }
        do {
            let keys = try await pool.withConnection { [tenant] db in
                try db.query(Statement.signingKeys.sql, [tenant]).map {
                    try SigningKey($0.decode("key", as: String.self))
                }
            }
            let current = keys.first.map { SigningKeys($0, fallback: keys.dropFirst().first) }
            known.withLock { $0 = Known(keys: current, until: now + AnswerMemory<Int32>.span) }
            return current
        } catch let error as PostgresError {
            // While the database does not answer, calls go on as before.
            if let last { return last.keys }
            throw error
        }
    }
}
