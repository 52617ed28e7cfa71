internal import Nightjar

/// Whose signing key a bearer token is: the server's, which is that of the tenant of its connections, or one that is stored.
final class SigningKeyOwners: Sendable {
    private let pool: PostgresPool
    private let given: SigningKeys?
    private let tenant: Int32
    private let memory = AnswerMemory<Int32>()

    /// - Parameter tenant: Whose the given keys are.
    init(pool: PostgresPool, given: SigningKeys?, tenant: Int32) {
        self.pool = pool
        self.given = given
        self.tenant = tenant
    }

    /// The tenant that a request acts for; nil when its header `Authorization` has no signing key.
    func tenant(of authorization: String?) async throws -> Int32? {
        guard let token = SigningKeys.token(in: authorization) else { return nil }
        if let given, given.accept(token: token) { return tenant }
        let fingerprints = SigningKey.fingerprints(of: token)
        guard !fingerprints.isEmpty else { return nil }
        return try await memory.value(of: Digest.sha256(Array(token.utf8))) {
            try await pool.withConnection { db in
                for row in try db.query(Statement.signingKeyOwner.sql, [fingerprints]) {
                    let key = try SigningKey(row.decode("key", as: String.self))
                    if key.accepts(token: token) { return try row.decode("tenant_id", as: Int32.self) }
                }
                return nil
            }
        }
    }
}
