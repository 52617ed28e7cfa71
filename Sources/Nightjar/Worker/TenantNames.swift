internal import PostgresClient
internal import Synchronization

/// The names of the tenants whose runs a worker executes, each as it was when a run of it was claimed, or a while before.
final class TenantNames: Sendable {
    /// How old a name may be when a run is claimed.
    static var span: Duration { .seconds(10) }

    private struct State {
        var names: [Int32: String] = [:]
        /// Of those names were read in this round; of these runs were claimed in it.
        var fresh: Set<Int32> = []
        var seen: Set<Int32> = []
        var until = ContinuousClock.now
    }

    private let span: Duration
    private let state = Mutex(State())

    /// - Parameter span: For how long a name that was read counts.
    init(span: Duration = TenantNames.span) {
        self.span = span
    }

    /// Reads the names that are missing or old: none, as a rule. All that are used are read at once, so that with many tenants not
    /// each claim reads that of another one.
    func read(_ db: PostgresConnection, of runs: [ClaimedRun]) throws {
        try read(db, due(for: Set(runs.map(\.tenant)), now: .now))
    }

    /// Reads the names of tenants.
    func read(_ db: PostgresConnection, _ wanted: Set<Int32>) throws {
        guard !wanted.isEmpty else { return }
        let rows = try db.query(
            "SELECT tenant_id, name FROM nightjar.tenants WHERE tenant_id = ANY ($1)", [Array(wanted)])
        let names = try rows.map { (try $0.decode(0, as: Int32.self), try $0.decode(1, as: String.self)) }
        state.withLock { state in
            for (tenant, name) in names { state.names[tenant] = name }
            // Also those that have none.
            state.fresh.formUnion(wanted)
        }
    }

    /// Whose names are to be read, when runs of some tenants were claimed.
    func due(for claimed: Set<Int32>, now: ContinuousClock.Instant) -> Set<Int32> {
        guard !claimed.isEmpty else { return [] }
        return state.withLock { state in
            defer { state.seen.formUnion(claimed) }
            guard now >= state.until else { return claimed.subtracting(state.fresh) }
            // A new round: who had runs in the last one is likely to have some in this one.
            let wanted = claimed.union(state.seen)
            (state.fresh, state.seen, state.until) = ([], [], now + span)
            return wanted
        }
    }

    /// The name of a tenant; its number where it has none.
    func name(of tenant: Int32) -> String {
        state.withLock { $0.names[tenant] } ?? "\(tenant)"
    }
}
