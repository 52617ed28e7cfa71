internal import Foundation
internal import NightjarCore
internal import PostgresClient

/// A run as the claim answers it: the lease, the event that started it, and where it stands.
struct ClaimedRun: Sendable {
    var lease: Lease
    var tenant: Int32
    var functionID: Int32
    var pass: Int64
    var startedAt: Date
    /// The database's clock at the claim.
    var now: Date
    var event: RecordedEvent
    /// How many of its open steps had been answered at the claim.
    var mail: Int
    /// When it is cancelled unless it has ended.
    var expiresAt: Date?
    /// See ``RunCommit/remoteState``.
    var remoteState: Int16 = 0
    /// Its events: one, unless it is a batch.
    var events: [RecordedEvent] = []
    /// It has more than one event.
    var isBatched = false
    /// Another run waits for the end of this one.
    var isInvoked: Bool
    /// It holds slots.
    var isLimited: Bool

    /// Has recorded nothing: it was never leased before, and was not given the steps of an older run.
    var isBlank: Bool { lease.epoch == 1 && mail == 0 }
}

/// What one claim brought.
struct Claim: Sendable {
    var runs: [ClaimedRun] = []
    /// How many runs were not leased because a committed event cancels them: apply what is pending, then claim again.
    var blocked = 0
    /// How many of all because they were due.
    var due = 0
    /// How many of all were not new: due, or back.
    var old = 0
    /// The tenant where a deal stopped.
    var dealtTo: Int32?
    /// Until the next run is due, by the database's clock, if that was asked and there was room for all; nil inside: none waits.
    var nextDueIn: Duration??
    /// When the answer was there, and the server's clock in it if ``nextDueIn`` is.
    var answered: (at: ContinuousClock.Instant, server: Date?) = (.now, nil)
    /// The lowest and the highest `pass` of those that are new.
    var newPasses: ClosedRange<Int64>?
    /// Which `pass` the queue's claims were said to have come to, and whether that matters there. See ``FairOrder``.
    var said: (isFair: Bool, pass: Int64)?
    /// Runs that are leased and cannot be read, each with the reason. One of them must not keep the others from running.
    var unreadable: [(lease: Lease, reason: String)] = []

    var count: Int { runs.count + blocked + unreadable.count }

    /// Takes out what was cancelled meanwhile; answers its leases.
    mutating func drop(_ cancelled: Set<UUID>) -> [Lease] {
        let leases = (runs.map(\.lease) + unreadable.map(\.lease)).filter { cancelled.contains($0.run) }
        guard !leases.isEmpty else { return [] }
        runs.removeAll { cancelled.contains($0.lease.run) }
        unreadable.removeAll { cancelled.contains($0.lease.run) }
        return leases
    }

    /// Says where the claims of the queue have come to, if it brought new runs. See `nightjar.publish_pass` in migration 0025.
    mutating func sayPass(_ db: PostgresConnection, queue: Int32) throws {
        guard let pass = newPasses?.upperBound else { return }
        said = (try db.query("SELECT nightjar.publish_pass($1, $2)", [queue, pass])[0].decode(0), pass)
    }

    /// Leases runs. See `claim.sql`.
    ///
    /// - Parameters:
    ///   - functions: The caller's; it gets no others' runs.
    ///   - limits: Those of them whose runs have to end in time, and in which.
    ///   - asksNextDue: Whether to tell when the next run is due.
    ///   - tenant: Where the last deal stopped, if what is due is to be dealt out among tenants. See ``Dealing``.
    static func make(
        _ db: PostgresConnection, queue: Int32, functions: [Int32],
        finishLimits limits: [(function: Int32, within: Duration)] = [], session: UUID, limit: Int, low: Int64,
        overdue: Duration? = nil, asksNextDue: Bool = false, dealsAfter tenant: Int32? = nil
    ) throws -> Claim {
        if let tenant {
            return try db.transaction { db in
                let deal = try Deal.make(
                    db, queue: queue, functions: functions, session: session, limit: limit, low: low, overdue: overdue,
                    after: tenant)
                return try make(
                    db, queue: queue, functions: functions, finishLimits: limits, session: session, limit: limit,
                    low: low, overdue: overdue, asksNextDue: asksNextDue, deal: deal)
            }
        }
        return try make(
            db, queue: queue, functions: functions, finishLimits: limits, session: session, limit: limit, low: low,
            overdue: overdue, asksNextDue: asksNextDue, deal: .none)
    }

    private static func make(
        _ db: PostgresConnection, queue: Int32, functions: [Int32],
        finishLimits limits: [(function: Int32, within: Duration)], session: UUID, limit: Int, low: Int64,
        overdue: Duration?, asksNextDue: Bool, deal: Deal
    ) throws -> Claim {
        let rows = try db.query(
            Statement.claim.sql,
            [
                queue, session, Int32(limit), low, functions, limits.map(\.function),
                limits.map(\.within), overdue, asksNextDue, deal.runs, Int32(deal.new),
            ])
        var claim = Claim()
        claim.dealtTo = deal.tenant
        claim.answered.at = .now
        claim.runs.reserveCapacity(rows.count)
        for row in rows {
            let source = try row.decode(17, as: Int32.self)
            if source == 0 {
                claim.nextDueIn = .some(try row.decode(18))
                claim.answered.server = try row.decode(6)
                continue
            }
            if source == 1 { claim.due += 1 }
            if source != 2 { claim.old += 1 }
            guard let epoch = try row.decode(1, as: Int32?.self) else {
                claim.blocked += 1
                continue
            }
            let lease = Lease(run: try row.decode(0), session: session, epoch: epoch)
            if source == 2 {
                let pass = try row.decode(4, as: Int64.self)
                let known = claim.newPasses ?? pass...pass
                claim.newPasses = min(known.lowerBound, pass)...max(known.upperBound, pass)
            }
            do {
                claim.runs.append(try ClaimedRun(row, lease))
            } catch {
                claim.unreadable.append((lease, "the event that started this run cannot be read: \(error)"))
            }
        }
        return claim
    }
}

extension ClaimedRun {
    fileprivate init(_ row: PostgresRow, _ lease: Lease) throws {
        self.init(
            lease: lease, tenant: try row.decode(2), functionID: try row.decode(3), pass: try row.decode(4),
            startedAt: try row.decode(5), now: try row.decode(6),
            event: RecordedEvent(
                id: try row.decode(7), name: try row.decode(8), dataJSON: try row.decode(9, as: PostgresJSON.self).text,
                userJSON: try row.decode(10, as: PostgresJSON?.self)?.text, timestamp: try row.decode(11)),
            mail: Int(try row.decode(12, as: Int32.self)), expiresAt: try row.decode(13),
            remoteState: try row.decode(15), isBatched: try row.decode(16),
            isInvoked: try row.decode(14, as: Int16.self) % 2 == 1, isLimited: try row.decode(19))
    }
}

extension [ClaimedRun] {
    /// Reads the events of those that have more than one. See `batch_events.sql`.
    mutating func readBatches(_ db: PostgresConnection) throws {
        let runs = filter(\.isBatched).map(\.lease.run)
        guard !runs.isEmpty else { return }
        var events: [UUID: [RecordedEvent]] = [:]
        for row in try db.query(Statement.batchEvents.sql, [runs]) {
            events[try row.decode(0), default: []].append(
                RecordedEvent(
                    id: try row.decode(1), name: try row.decode(2),
                    dataJSON: try row.decode(3, as: PostgresJSON.self).text,
                    userJSON: try row.decode(4, as: PostgresJSON?.self)?.text, timestamp: try row.decode(5)))
        }
        for index in indices where self[index].isBatched { self[index].events = events[self[index].lease.run] ?? [] }
    }
}
