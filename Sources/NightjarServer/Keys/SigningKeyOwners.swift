internal import Nightjar

/// Whose signing key a bearer token is: the server's, which is that of the tenant of its connections, or one that is stored.
final class SigningKeyOwners: Sendable {
    private let pool: PostgresPool
    private let given: SigningKeys?
    private let givenOwner: GivenKeyOwner
    private let memory = AnswerMemory<KeyOwner>()

    /// - Parameter givenOwner: Whose the given keys are.
    init(pool: PostgresPool, given: SigningKeys?, givenOwner: GivenKeyOwner) {
        self.pool = pool
        self.given = given
        self.givenOwner = givenOwner
    }

    /// The tenant that a request acts for; nil when its header `Authorization` has no signing key.
    func owner(of authorization: String?) async throws -> KeyOwner? {
        guard let token = SigningKeys.token(in: authorization) else { return nil }
        if let given, given.accept(token: token) { return await givenOwner.current() }
        let fingerprints = SigningKey.fingerprints(of: token)
        guard !fingerprints.isEmpty else { return nil }
        return try await memory.value(of: Digest.sha256(Array(token.utf8))) {
            try await pool.withConnection { db in
                for row in try db.query(Statement.signingKeyOwner.sql, [fingerprints]) {
                    let key = try SigningKey(row.decode("key", as: String.self))
                    if key.accepts(token: token) {
                        return KeyOwner(tenant: try row.decode("tenant_id"), name: try row.decode("name"))
                    }
                }
                return nil
            }
        }
    }
}
