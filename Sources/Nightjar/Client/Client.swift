public import Foundation
public import Logging
public import NightjarCore
public import PostgresClient

/// Sends events; reads, cancels, replaces and repeats runs; waits for their outcomes.
///
/// An event may also be sent inside a transaction of your own, beside the business row that it speaks of: then it has its
/// whole effect exactly when that transaction commits. See ``send(_:in:)``.
public final class Client: Sendable {
    let source: any ConnectionSource
    let hints: HintSender
    let group: EventGroup
    let logger: Logger

    /// Creates a client with connections of its own, opened when they are needed. Call ``close()`` at the end.
    /// - Parameters:
    ///   - database: where the schema is.
    ///   - connections: how many connections at most, from 1.
    public convenience init(
        database: PostgresConfiguration, connections: Int = 4, logger: Logger = Logger(label: "nightjar.client")
    ) {
        var configuration = PostgresPool.Configuration()
        configuration.size = connections
        self.init(
            PostgresPool(database.forClient, configuration: configuration, logger: logger), writers: connections - 1,
            logger: logger)
    }

    /// Creates a client over a pool that others use as well; whoever made the pool closes it.
    /// - Parameter writers: how many statements at most store events at the same time; see ``EventGroup``.
    package convenience init(sharing pool: PostgresPool, writers: Int = 1, logger: Logger) {
        self.init(pool, writers: writers, logger: logger)
    }

    /// Creates a client that works over what lends it connections.
    init(_ source: any ConnectionSource, writers: Int = 1, logger: Logger) {
        self.source = source
        self.logger = logger
        hints = HintSender(source: source, logger: logger)
        group = EventGroup(source: source, writers: writers, logger: logger)
    }

    /// Closes the client's connections.
    public func close() async {
        await source.close()
    }

    // MARK: - Sending

    /// Sends one event and returns its id once it is durable.
    /// - Parameters:
    ///   - id: chosen by you; a second event with the same id within 24 hours has no effect.
    ///   - timestamp: when it happened; ahead of now, the runs that it starts begin then.
    @discardableResult
    public func send<Payload: EventData>(_ event: Payload, id: String? = nil, at timestamp: Date? = nil) async throws
        -> String
    {
        try await send([NewEvent(event, id: id, at: timestamp)])[0]
    }

    /// Sends events, all or none, in this order; returns their ids once they are durable.
    ///
    /// The events of concurrent calls share statements and commits: many tasks that send one event each over one client
    /// are nearly as fast as one that sends them together.
    /// - Throws: ``NightjarError`` with `tenantSuspended`, `tenantDeleted`, `limitReached` or `tooLarge`; `PostgresError`;
    ///   `CancellationError` when the task was cancelled before anything was sent. When the connection is lost on the way
    ///   the events are sent again, and are there once.
    @discardableResult
    public func send(_ events: [NewEvent]) async throws -> [String] {
        let events = events.map { StorableEvent($0) }
        _ = try await store(events)
        return events.map(\.readableID)
    }

    /// Sends events inside the caller's own transaction: they have their effect when it commits, and none if it does not.
    ///
    /// ```swift
    /// try await pool.transaction { db in
    ///     try db.execute("UPDATE posts SET publish_at = $1 WHERE id = $2", [date, id])
    ///     try Client.send([NewEvent(PostScheduled(postID: id, scheduledAt: date))], in: db)
    /// }
    /// ```
    @discardableResult
    public static func send(_ events: [NewEvent], in db: PostgresConnection) throws -> [String] {
        guard !events.isEmpty else { return [] }
        let events = events.map { StorableEvent($0) }
        try NightjarError.tenantRefusals { try StorableEvent.insert(events, db) }
        return events.map(\.readableID)
    }

    // MARK: - Runs

    /// Reads a run; nil when there is none.
    public func run(_ id: UUID) async throws -> RunRecord? {
        try await source.withConnection { db in try RunRecord.read(db, where: "r.run_id = $1", [id], limit: 1).first }
    }

    /// Reads the runs that an event started, by the id that ``send(_:id:at:)`` returned.
    public func runs(startedBy eventID: String) async throws -> [RunRecord] {
        try await source.withConnection { db in try RunRecord.started(db, by: eventID) }
    }

    /// Waits until a run has ended.
    /// - Throws: ``NightjarError`` with `timedOut` when it has not within `timeout`, `unknownRun` when there is none.
    public func outcome(of run: UUID, timeout: Duration = .seconds(60)) async throws -> Outcome {
        let deadline = ContinuousClock.now + timeout
        var pause = Duration.milliseconds(10)
        while true {
            let record = try await existing(run)
            if let outcome = record.outcome { return outcome }
            guard ContinuousClock.now + pause < deadline else {
                throw NightjarError(
                    .timedOut,
                    "run \(run.uuidString.lowercased()) has not ended within \(timeout); it is \(record.status)")
            }
            try await Task.sleep(for: pause)
            pause = min(pause * 1.5, .milliseconds(500))
        }
    }

    func existing(_ run: UUID) async throws -> RunRecord {
        guard let record = try await self.run(run) else {
            throw NightjarError(.unknownRun, "there is no run \(run.uuidString.lowercased())")
        }
        return record
    }
}

extension PostgresConfiguration {
    /// The settings under which clients' statements run.
    package var forClient: PostgresConfiguration {
        var configuration = self
        if configuration.applicationName == nil { configuration.applicationName = "nightjar client" }
        // Hints are sent after the commit: see `StorableEvent.store(_:_:)`, and HintSender for what is not about events.
        configuration.settings["nightjar.hints"] = "kept"
        // Events of others share a statement with one whose id somebody's transaction holds: they are not to wait for long.
        if configuration.settings["lock_timeout"] == nil { configuration.settings["lock_timeout"] = "1s" }
        return configuration
    }
}
