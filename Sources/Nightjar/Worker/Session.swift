internal import Foundation
internal import Logging
internal import PostgresClient
internal import Synchronization

/// Keeps a worker's session alive: one heartbeat however many runs it leases, and with a look while it leases none.
///
/// It counts by its own monotonic clock too: when the last beat that the database answered was *sent* longer ago than
/// the time to live less a margin, the session counts as lost here before anybody else may count it as dead. What runs
/// under it is abandoned, and a new session, with a new id, is opened as soon as the database answers.
final class Session: Sendable {
    typealias Instant = ContinuousClock.Instant

    private struct State {
        var id: UUID?
        var validUntil: Instant?
        /// When it is to beat next.
        var beatAt = Instant.now
    }

    private let state = Mutex(State())
    private let database: PostgresSession
    private let isShared: Bool
    private let name: String
    private let timeToLive: Duration
    private let logger: Logger

    /// - Parameter heartbeat: A connection that others use for the same; nil: one of its own.
    init(
        database: PostgresConfiguration, heartbeat: PostgresSession? = nil, name: String, timeToLive: Duration,
        logger: Logger
    ) {
        self.database = heartbeat ?? PostgresSession(database, logger: logger)
        isShared = heartbeat != nil
        self.name = name
        self.timeToLive = timeToLive
        self.logger = logger
    }

    /// The session, while it is certain that nobody counts it as dead.
    var current: UUID? {
        let now = ContinuousClock.now
        return state.withLock { state in
            guard let until = state.validUntil, now < until else { return nil }
            return state.id
        }
    }

    /// Opens a session. Throws what the database says.
    func open(queue: Int32) async throws {
        let id = UUID()
        let sentAt = ContinuousClock.now
        try await database.run { [name, timeToLive] db in
            _ = try db.execute(Statement.openSession.sql, [id, name, queue, timeToLive])
        }
        state.withLock { $0 = State(id: id, validUntil: sentAt + validity, beatAt: sentAt + interval) }
        logger.info("session opened", metadata: [LogKey.session: "\(id)"])
    }

    /// Beats until the task is cancelled. `lost` is called when a session is lost, `opened` when another one is open.
    func run(queue: Int32, lost: @escaping @Sendable () -> Void, opened: @escaping @Sendable () -> Void) async {
        await withTaskGroup { group in
            group.addTask { await self.beat(queue: queue, lost: lost, opened: opened) }
            group.addTask { await self.watch(lost: lost) }
        }
    }

    /// Says that the session is lost when it is, even while a beat hangs.
    private func watch(lost: @Sendable () -> Void) async {
        while !Task.isCancelled {
            let until = state.withLock { $0.validUntil }
            if let until, ContinuousClock.now >= until {
                state.withLock { if $0.validUntil == until { $0 = State() } }
                lost()
            }
            let wake = until.map { max($0, .now) } ?? .now + timeToLive / 8
            try? await Task.sleep(until: wake, clock: .continuous)
        }
    }

    private func beat(queue: Int32, lost: @Sendable () -> Void, opened: @Sendable () -> Void) async {
        while !Task.isCancelled {
            guard let id = current else {
                lost()
                do {
                    try await withDeadline { try await self.open(queue: queue) }
                    opened()
                } catch {
                    logger.warning("no session", metadata: [LogKey.error: "\(error)"])
                    try? await Task.sleep(for: min(timeToLive / 4, .seconds(1)))
                }
                continue
            }
            try? await Task.sleep(until: state.withLock { $0.beatAt }, clock: .continuous)
            if Task.isCancelled { return }
            // Once lost, lost: what ran under it has been abandoned, so it must not come back to life. And a look may
            // have beaten meanwhile.
            guard current == id, state.withLock({ $0.beatAt <= .now }) else { continue }
            do {
                try await withDeadline {
                    try await self.beat(id) { db in
                        ((), lives: try !db.query(Statement.heartbeat.sql, [id]).isEmpty)
                    }
                }
            } catch {
                logger.warning("heartbeat failed", metadata: [LogKey.session: "\(id)", LogKey.error: "\(error)"])
            }
        }
    }

    /// The session that would have to beat before then, so that a statement which goes out anyway may do it: see
    /// ``beat(_:_:)``. Nil where others wait for the connection.
    func beating(before instant: Instant) -> UUID? {
        guard !isShared, let id = current else { return nil }
        return state.withLock { $0.beatAt <= instant } ? id : nil
    }

    /// Beats with a statement of the caller's, which says whether the session lives.
    func beat<T: Sendable>(
        _ id: UUID, _ body: @escaping @Sendable (PostgresConnection) throws -> (T, lives: Bool)
    ) async throws -> T {
        let sentAt = Instant.now
        // Also if it fails: the next one is to come no sooner.
        state.withLock { if $0.id == id { $0.beatAt = sentAt + interval } }
        let (result, lives) = try await database.run(body)
        state.withLock { state in
            // Lost meanwhile: what ran under it has been abandoned.
            guard state.id == id else { return }
            if lives {
                state.validUntil = sentAt + validity
            } else {
                state = State()
            }
        }
        if !lives { logger.error("session was marked dead", metadata: [LogKey.session: "\(id)"]) }
        return result
    }

    /// Ends the session for good, with all that it leased handed back or done.
    func close() async {
        let id = state.withLock { state in
            defer { state = State() }
            return state.id
        }
        if let id {
            _ = try? await database.run { db in try db.execute(Statement.closeSession.sql, [id]) }
        }
        if !isShared { await database.close() }
    }

    private var interval: Duration { timeToLive / 4 }

    private var validity: Duration { timeToLive - min(.seconds(1), timeToLive / 4) }

    /// A beat that hangs must not outlive the session: then another one has to be opened.
    private func withDeadline<T: Sendable>(_ body: @escaping @Sendable () async throws -> T) async throws -> T {
        try await withThrowingTaskGroup(of: T?.self) { group in
            group.addTask { try await body() }
            group.addTask { [timeToLive] in
                try await Task.sleep(for: timeToLive / 2)
                return nil
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() ?? nil else {
                throw NightjarError(.timedOut, "the database did not answer in time")
            }
            return result
        }
    }
}
