internal import Logging
internal import Metrics
internal import Nightjar
internal import Synchronization

/// Where requests read that change nothing: a replica, as long as there is one and it keeps up, else the primary.
final class ReadSource: Sendable {
    private let primary: PostgresPool
    private let replica: PostgresPool?
    private let maximumLag: Duration
    private let logger: Logger
    private let inUse: Gauge?
    /// Why the replica is not asked; nil: it is.
    private let problem = Mutex<String?>(ReadSource.unknown)

    init(primary: PostgresPool, replica: PostgresPool? = nil, maximumLag: Duration = .seconds(10), logger: Logger) {
        self.primary = primary
        self.replica = replica
        self.maximumLag = maximumLag
        self.logger = logger
        inUse = replica == nil ? nil : Gauge(label: "nightjar.replica.in_use")
    }

    /// Reads with one connection.
    func withConnection<T: Sendable>(_ body: @Sendable (PostgresConnection) throws -> T) async throws -> T {
        try await read { pool in try await pool.withConnection(body) }
    }

    /// Reads in a transaction that sees one moment.
    func snapshot<T: Sendable>(_ body: @Sendable (PostgresConnection) throws -> T) async throws -> T {
        try await read { pool in
            try await pool.transaction(isolation: .repeatableRead, readOnly: true, body)
        }
    }

    /// Reads what somebody knows the id of, and who may just have been told it: what the replica does not have, the primary
    /// is asked for.
    func find<T: Sendable>(_ body: @Sendable (PostgresConnection) throws -> T?) async throws -> T? {
        if isReplicaAsked, let found = try await withConnection(body) { return found }
        return try await primary.withConnection(body)
    }

    /// Whether the replica is asked at the moment.
    var isReplicaAsked: Bool { replica != nil && problem.withLock { $0 == nil } }

    private func read<T: Sendable>(_ body: (PostgresPool) async throws -> T) async throws -> T {
        guard let replica, isReplicaAsked else { return try await body(primary) }
        do {
            return try await body(replica)
        } catch  where ReplicaStanding.isItsOwn(error) {
            found("\(error)")
            return try await body(primary)
        }
    }

    /// Looks at the replica every second until the task is cancelled.
    func watch() async {
        while replica != nil, !Task.isCancelled {
            await look()
            try? await Task.sleep(for: .seconds(1))
        }
    }

    /// Looks whether the replica may be asked.
    func look() async {
        guard let replica else { return }
        do {
            var standing = try await replica.withConnection { db in try ReplicaStanding.read(db) }
            if standing.problem(maximumLag: maximumLag) != nil {
                // It may have been asked in the moment in which it replays what came after a long silence.
                try await Task.sleep(for: .milliseconds(100))
                standing = try await replica.withConnection { db in try ReplicaStanding.read(db) }
            }
            found(standing.problem(maximumLag: maximumLag))
        } catch is CancellationError {
        } catch {
            found("\(error)")
        }
    }

    private func found(_ now: String?) {
        let before = problem.withLock { problem in
            defer { problem = now }
            return problem
        }
        inUse?.record(now == nil ? 1 : 0)
        if let now, before == nil || before == Self.unknown {
            logger.warning("the replica is not asked; the primary answers instead", metadata: ["reason": "\(now)"])
        } else if now == nil, before != nil {
            logger.info("the replica is asked for what changes nothing")
        }
    }

    private static let unknown = "it has not been looked at yet"
}
