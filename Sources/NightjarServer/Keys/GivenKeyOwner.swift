internal import Nightjar
internal import Synchronization

/// Whose the keys are that a server was given at its start: the tenant's of its connections.
final class GivenKeyOwner: Sendable {
    let tenant: Int32
    private let pool: PostgresPool
    private let span: Duration
    private let known: Mutex<(name: String, until: ContinuousClock.Instant)?> = Mutex(nil)

    /// - Parameter span: How long a name counts.
    init(pool: PostgresPool, tenant: Int32, span: Duration = AnswerMemory<String>.span) {
        self.pool = pool
        self.tenant = tenant
        self.span = span
    }

    /// The owner, by the name that it has now. That no name is known keeps no request from its answer: the number stands for it.
    func current() async -> KeyOwner {
        let now = ContinuousClock.now
        let fresh = known.withLock { known -> String? in
            guard let last = known else { return nil }
            if last.until > now { return last.name }
            // The others do not wait for the one that asks.
            known?.until = now + span
            return nil
        }
        if let fresh { return KeyOwner(tenant: tenant, name: fresh) }
        let found = try? await pool.withConnection { [tenant] db in
            try db.query("SELECT name FROM nightjar.tenants WHERE tenant_id = $1", [tenant]).first?
                .decode(0, as: String.self)
        }
        let name = known.withLock { known in
            if let name = found ?? nil { known = (name, now + span) }
            return known?.name
        }
        return KeyOwner(tenant: tenant, name: name ?? "\(tenant)")
    }
}
