internal import Foundation
internal import Logging
internal import PostgresClient

/// Applies to runs what was committed elsewhere, in short transactions of its own: events that cancel them or answer
/// their steps, cancels by hand, times that are up. Tells whoever executes one of them.
struct Applier: Sendable {
    let source: any ConnectionSource
    let hints: HintSender
    let logger: Logger
    /// What this process executes; nil in one that executes nothing.
    var executions: Executions?
    var metrics: WorkerMetrics?
    /// From where on what is pending is read; nil: all of it.
    var reach: PendingReach?
    /// A run that a session was executing is cancelled.
    var cancelled: @Sendable (_ run: UUID, _ session: UUID) -> Void = { _, _ in }
    /// Runs are ready again.
    var ready: @Sendable () -> Void = {}
    /// There may be more to apply.
    var pending: @Sendable () -> Void = {}
    /// Runs are cancelled, wherever they were.
    var ended: @Sendable (_ runs: [UUID]) -> Void = { _ in }
    /// How many pending rows one transaction takes, and how many waits of each: a transaction of about 20 ms.
    var eventLimit = 256
    var waitLimit = 500
    /// How many runs a bulk cancel looks at in one transaction.
    var bulkLimit = 1_000

    /// What one transaction did.
    private struct Round: Sendable {
        var cancelled: [(run: UUID, session: UUID?)] = []
        var answered: [(run: UUID, session: UUID?)] = []
        var reached: Int64?
        var sequence: Int64 = 0
        var took = Duration.zero
        var hasMore = false
        var stayed = false
    }

    /// Applies until nothing is pending, or only what somebody else holds. Answers whether something had to stay. Bulk
    /// cancels are carried on beside it (``advanceBulk(_:)``): one that looks at a million runs must not keep an event
    /// waiting.
    func apply() async throws -> Bool {
        var stayed = false
        var isDone = false
        while !isDone {
            // A batch at a time: a million runs that were scheduled while no worker ran must not keep an event waiting.
            let hasNewcomers = try await searchNewcomers()
            let pending = try await applyPending()
            let lookedBack = try await lookBack()
            stayed = pending.stayed || lookedBack
            // A cancel may ask for the cancel of runs that the cancelled one had invoked.
            isDone = !hasNewcomers && pending.cancelled == 0
        }
        return stayed
    }

    /// Searches the log for runs that could not be seen by what was applied already. Says whether there may be more.
    private func searchNewcomers() async throws -> Bool {
        try await source.withConnection { [bulkLimit] db in
            try db.query(Statement.searchNewcomers.sql, [Int32(bulkLimit)])[0].decode(0)
        }
    }

    /// Applies what is pending now, and tells how many runs that cancelled, and whether something had to stay.
    func applyPending() async throws -> (cancelled: Int, stayed: Bool) {
        let start = reach?.after(now: .now) ?? 0
        var after = start
        var isFirst = true
        var stayed = false
        var cancelled = 0
        while true {
            let round = try await source.withConnection { [after] db in try self.round(db, after: after) }
            if isFirst { reach?.read(after: start, sequence: round.sequence, took: round.took, now: .now) }
            isFirst = false
            if round.stayed { reach?.demandAll() }
            stayed = stayed || round.stayed
            cancelled += round.cancelled.count
            await tell(round)
            if round.hasMore { continue }
            guard let reached = round.reached else { return (cancelled, stayed) }
            after = reached
        }
    }

    private func round(_ db: PostgresConnection, after: Int64) throws -> Round {
        var round = Round()
        let asked = ContinuousClock.now
        let rows = try db.query(Statement.applyPending.sql, [Int32(eventLimit), Int32(waitLimit), after])
        round.took = .now - asked
        for row in rows {
            if let run = try row.decode(0, as: UUID?.self) {
                let ended = (run, try row.decode(1, as: UUID?.self))
                if try row.decode(2) { round.cancelled.append(ended) } else { round.answered.append(ended) }
            } else {
                round.reached = try row.decode(3)
                round.sequence = try row.decode(6)
                round.hasMore = try row.decode(4)
                round.stayed = try row.decode(5)
            }
        }
        return round
    }

    /// Answers steps that began to wait with what had been sent before. Says whether some have to be looked at again.
    private func lookBack() async throws -> Bool {
        var after = (run: UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)), step: "")
        while true {
            let (round, reached) = try await source.withConnection { [eventLimit, after] db in
                var round = Round()
                var reached: (run: UUID, step: String)?
                for row in try db.query(Statement.lookBack.sql, [Int32(eventLimit), after.run, after.step]) {
                    if let run = try row.decode(0, as: UUID?.self) {
                        round.answered.append((run, try row.decode(1)))
                    } else {
                        reached = try row.decode(2, as: UUID?.self).map { ($0, try row.decode(3)) }
                        round.stayed = try row.decode(4)
                    }
                }
                return (round, reached)
            }
            await tell(round)
            guard let reached else { return round.stayed }
            after = reached
        }
    }

    /// Carries a bulk cancel one chunk further. Says whether there may be more.
    func advanceBulk(_ request: UUID? = nil) async throws -> Bool {
        let (round, state) = try await source.withConnection { [bulkLimit] db in
            var round = Round()
            var state: Int16?
            for row in try db.query(Statement.bulkAdvance.sql, [Int32(bulkLimit), request]) {
                if let run = try row.decode(0, as: UUID?.self) {
                    round.cancelled.append((run, try row.decode(1)))
                } else {
                    state = try row.decode(3)
                }
            }
            return (round, state)
        }
        await tell(round)
        return state != nil
    }

    /// Cancels runs whose time is up.
    func expire() async throws {
        let limit = waitLimit
        while true {
            let round = try await source.withConnection { db in
                Round(
                    cancelled: try db.query(Statement.expire.sql, [Int32(limit)]).map {
                        (try $0.decode(0), try $0.decode(1))
                    })
            }
            await tell(round)
            if round.cancelled.count < limit { return }
        }
    }

    private func tell(_ round: Round) async {
        guard !round.cancelled.isEmpty || !round.answered.isEmpty else { return }
        metrics?.cancelled(round.cancelled.count)
        logger.debug(
            "applied",
            metadata: [LogKey.cancelled: "\(round.cancelled.count)", LogKey.answered: "\(round.answered.count)"])
        // Handlers of the cancelled, and those that go on.
        var away: [Hint] = [.ready]
        if !round.cancelled.isEmpty { away.append(.pending) }
        for case (let run, let session?) in round.cancelled {
            cancelled(run, session)
            away.append(.cancelled(session: session, run: run))
        }
        for case (let run, let session?) in round.answered {
            executions?.answered(run: run, session: session)
            away.append(.answered(session: session, run: run))
        }
        if !round.cancelled.isEmpty { ended(round.cancelled.map(\.run)) }
        ready()
        if !round.cancelled.isEmpty { pending() }
        await hints.send(away)
    }
}
