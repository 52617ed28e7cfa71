internal import Foundation
package import Logging
package import PostgresClient

/// Drops what nobody wants any more: weeks of logs, emptied first of all but what unfinished runs need.
///
/// Anybody may apply it, any number at once: an advisory lock keeps it to one. A week's tables are locked for the moment of its
/// emptying only, and given up when that is not granted at once. See docs/retention.md.
package struct Retention: Sendable {
    /// What an interruption may hit: for tests, which stop or break the work there.
    enum Stage: Sendable, CaseIterable {
        case looked, locked, copied, emptied, detached
    }

    let database: PostgresConfiguration
    let logger: Logger
    /// For how long everybody waits behind the request for a week's locks, at most.
    var lockTimeout = Duration.milliseconds(100)
    var lockAttempts = 5
    /// For how long transactions of others are waited for, which holds nobody up.
    var patience = Duration.seconds(10)
    /// For how long a detachment waits for whoever reads the log, which holds nobody up either.
    var detachTimeout = Duration.seconds(10)
    /// What is needed of a week is copied while it is locked, some 30 ms a MiB: if there is more of it, the week stays.
    package var byteLimit = 16 << 20
    var onStage: @Sendable (Stage, PostgresConnection) throws -> Void = { _, _ in }

    package init(database: PostgresConfiguration, logger: Logger) {
        self.database = database.forRetention
        self.logger = logger
    }

    /// Applies the policies to every week that is due.
    /// - Parameter all: also to weeks that were tried within the last day.
    /// - Returns: what became of each; nil when somebody else is at it.
    /// - Throws: ``NightjarError`` when the role does not own the logs.
    package func apply(all: Bool) async throws -> [RetentionResult]? {
        let session = PostgresSession(database, logger: logger)
        do {
            let results = try await apply(session, all: all)
            await end(session)
            return results
        } catch {
            await end(session)
            throw error
        }
    }

    /// Gives the advisory lock back before the backend has ended, which may take a moment.
    private func end(_ session: PostgresSession) async {
        _ = try? await session.run { db in try db.query("SELECT pg_advisory_unlock_all()").count }
        await session.close()
    }

    private func apply(_ session: PostgresSession, all: Bool) async throws -> [RetentionResult]? {
        let mayBegin = try await session.run { db in
            try db.query("SELECT pg_try_advisory_lock(hashtext('nightjar.retention'))")[0].decode(0, as: Bool.self)
        }
        guard mayBegin else { return nil }
        let isOwner = try await session.run { db in
            try db.query("SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = 'nightjar.events'::regclass")[
                0
            ]
            .decode(0, as: Bool.self)
        }
        guard isOwner else {
            // Of a worker that is normal: 'nightjar doctor' tells when nobody does it.
            guard all else { return [] }
            throw NightjarError(
                .configuration,
                "only the owner of the logs can drop their partitions: connect as that role, or grant it to this one")
        }
        let weeks = try await session.run { db in
            try db.query(Statement.retentionDue.sql, [all]).map(RetentionWeek.init)
        }
        // Runs have their needs from the start. What a transaction has begun that is open still, nobody sees.
        var others: OtherTransactions?
        if weeks.contains(where: { $0.log != .runs }) {
            let open = try await OtherTransactions.read(session)
            if try await open.haveEnded(session, within: patience) { others = open }
        }
        var results: [RetentionResult] = []
        // Whoever had one week of a log locked would be asked again by the next one; and a detachment that is not complete
        // keeps all others of its log from beginning.
        var refused: Set<RetentionLog> = []
        for week in weeks where !refused.contains(week.log) {
            let outcome: RetentionResult.Outcome
            do {
                outcome = try await apply(session, to: week, others)
            } catch let error as PostgresError where error.code == .server {
                outcome = .kept(Self.reason(error))
                refused.insert(week.log)
            }
            try await note(session, week, outcome)
            results.append(RetentionResult(log: week.log, week: week.week, outcome: outcome))
        }
        return results
    }

    private func apply(
        _ session: PostgresSession, to week: RetentionWeek, _ others: OtherTransactions?
    ) async throws -> RetentionResult.Outcome {
        let removal = WeekRemoval(week: week, timeout: detachTimeout, onStage: onStage)
        let came = try await session.run { db in try removal.finish(db) }
        if came { return .kept(Self.cameMeanwhile) }
        guard !week.tables.isEmpty else { return .dropped }
        var emptying = WeekEmptying(week: week, settings: self)
        if week.log != .runs {
            guard let others else {
                return .kept("transactions of others stayed open for \(patience.components.seconds) s")
            }
            emptying.others = week.log == .events ? others : nil
        }
        let emptied = try await session.run { [emptying] db in try emptying.empty(db) }
        switch emptied {
        case .refused(let reason): return .kept(reason)
        case .emptied(let rows) where rows > 0: return .emptied(keptRows: rows)
        case .untouched(let rows) where rows > 0: return .emptied(keptRows: rows)
        case .emptied, .untouched: break
        }
        // First of all: what is broken off from here on is known by it.
        try await remember(session, week, .emptied(keptRows: 0), reason: "it was being dropped")
        let stays = try await session.run { db in try removal.remove(db) }
        return stays ? .kept(Self.cameMeanwhile) : .dropped
    }

    private static let cameMeanwhile = "rows came while it was dropped"

    private func note(_ session: PostgresSession, _ week: RetentionWeek, _ outcome: RetentionResult.Outcome)
        async throws
    {
        switch outcome {
        case .dropped:
            logger.info("a week is dropped", metadata: [LogKey.name: "\(week.log.rawValue) \(week.week)"])
        case .emptied(let rows):
            logger.info(
                "a week keeps what unfinished runs need",
                metadata: [LogKey.name: "\(week.log.rawValue) \(week.week)", LogKey.count: "\(rows)"])
        case .kept(let reason):
            logger.notice(
                "a week could not be dropped yet",
                metadata: [LogKey.name: "\(week.log.rawValue) \(week.week)", LogKey.reason: "\(reason)"])
        }
        try await remember(session, week, outcome, reason: outcome.reason)
    }

    private func remember(
        _ session: PostgresSession, _ week: RetentionWeek, _ outcome: RetentionResult.Outcome, reason: String?
    ) async throws {
        _ = try await session.run { db in
            try db.execute(
                Statement.retentionNote.sql,
                [week.log.rawValue, week.week, outcome.word, outcome.keptRows, reason])
        }
    }

    private static func reason(_ error: PostgresError) -> String {
        error.isRefusedLock ? "others had it locked" : error.message
    }
}

extension PostgresError {
    /// The lock was not to be had in time.
    var isRefusedLock: Bool { sqlState == .lockNotAvailable || sqlState == .queryCanceled }
}

extension Duration {
    /// For a setting of the server's.
    var wholeMilliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
