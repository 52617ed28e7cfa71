/// Decides when to claim, when to look, when to wait. Pure: time comes in, actions go out.
///
/// Three things make work known: a hint, a due time, and the look at every poll interval that stands behind both. While
/// nothing is known, the look is the only query. How far back a query reads is ``ClaimReach``'s to say.
struct ClaimSchedule {
    typealias Instant = ContinuousClock.Instant

    enum Action: Equatable {
        /// Claim up to `limit` runs: new ones whose `pass` is not below `low`, and due ones that are not more than
        /// `overdue`; nil: all.
        case claim(limit: Int, low: Int64, overdue: Duration? = nil)
        /// Ask what there is to do, in the same bounds; nil: whether there is anything below them, too.
        case look(low: Int64 = .min, overdue: Duration? = nil)
        /// Nothing to do before this moment, unless something rings.
        case wait(until: Instant)
    }

    private let pollInterval: Duration
    /// A full claim suggests a backlog: then wait for room worth a round trip.
    private let worthwhile: Int
    private var pollAt: Instant
    /// The first look came at a moment of this worker's own.
    private var isApart = false
    private var dueAt: Instant?
    private var readyKnown = true
    private var hasBacklog = false
    private var backlogUntil: Instant?
    /// Behind a backlog, while no hint comes: what was claimed last is where the next claim begins.
    private var low = Int64.min
    private var reach = ClaimReach()
    /// Raised by each hint: an answer that was on its way when a hint came says nothing about what the hint meant.
    private var hints = 0
    private var hintsAtQuestion = 0
    /// Due times that were told while a question was on its way.
    private var expectedMeanwhile: Instant?
    /// Whether the claim that goes out is to tell when the next run is due, since the one that was known is.
    private(set) var asksNextDue = false
    /// nil: the app is not shared.
    private var dealing: Dealing?

    /// The tenant where the last deal stopped, if the claim that goes out is to deal.
    var dealsAfter: Int32? { dealing.flatMap { $0.isOn ? $0.tenant : nil } }

    init(now: Instant, pollInterval: Duration, worthwhile: Int, isShared: Bool = false) {
        self.pollInterval = pollInterval
        self.worthwhile = worthwhile
        pollAt = now + pollInterval
        dealing = isShared ? Dealing() : nil
    }

    /// - Parameters:
    ///   - room: how many more runs the worker would take.
    ///   - jitter: from 0 to 1; sets the polls of many workers apart.
    mutating func next(now: Instant, room: Int, jitter: Double) -> Action {
        if now >= pollAt {
            // Those that start together, and those that were held up together, would go on together.
            let isLate = now > pollAt + pollInterval / 2
            pollAt = now + (isApart && !isLate ? pollInterval : pollInterval * (0.5 + 0.5 * jitter))
            isApart = true
            return .look(low: reach.floor(now: now), overdue: reach.ask(now: now))
        }
        let isDue = dueAt.map { $0 <= now } ?? false
        guard readyKnown || isDue else { return .wait(until: min(pollAt, dueAt ?? pollAt)) }
        guard room > 0 else { return .wait(until: pollAt) }
        if hasBacklog, !isDue, room < worthwhile, let backlogUntil, now < backlogUntil {
            return .wait(until: min(pollAt, backlogUntil))
        }
        hintsAtQuestion = hints
        asksNextDue = isDue
        expectedMeanwhile = nil
        let floor = reach.floor(now: now)
        guard let overdue = reach.ask(now: now) else {
            low = .min
            return .claim(limit: room, low: .min)
        }
        return .claim(limit: room, low: max(floor, low), overdue: overdue)
    }

    /// Somebody says that there is something to claim.
    mutating func hinted() {
        readyKnown = true
        hints += 1
        low = .min
    }

    /// There is something to claim that may come before what was claimed already.
    mutating func admitted() {
        hinted()
        reach.demandAll()
    }

    /// Something may come of which no hint will tell: looks once its transaction has probably ended.
    mutating func lookSoon(now: Instant) {
        pollAt = min(pollAt, now + .milliseconds(100))
    }

    /// A look goes out; its answer will not know of what happens meanwhile.
    mutating func looking() {
        expectedMeanwhile = nil
    }

    /// A run will be due; the one who recorded that watches it.
    mutating func expect(dueAt instant: Instant, now: Instant = .now) {
        dueAt = min(dueAt ?? instant, instant)
        expectedMeanwhile = min(expectedMeanwhile ?? instant, instant)
        if instant < now - .seconds(1) { reach.demandAll() }
    }

    /// - Parameters:
    ///   - count: how many rows came back of the `limit` that was asked for.
    ///   - due: how many of them because they were due.
    ///   - old: how many of them were not new: due, or back.
    ///   - tenant: where it stopped, if it was dealt.
    ///   - passes: the `pass` of the new ones, the lowest and the highest.
    ///   - nextDueIn: until the next run is due, by the database's clock; nil if that was not told.
    mutating func claimed(
        count: Int, due: Int = 0, old: Int = 0, limit: Int, dealtTo tenant: Int32? = nil, passes: ClosedRange<Int64>?,
        nextDueIn: Duration?? = nil, now: Instant
    ) {
        let isDealt = dealsAfter != nil
        dealing?.claimed(old: old, count: count, limit: limit, tenant: tenant)
        // In a deal there was room for half of it at least.
        let hasAllDue = isDealt ? count >= limit && old < limit / 2 : due < limit
        reach.answered(hasAllDue: hasAllDue, isFull: count >= limit, passes: passes, now: now)
        if count >= limit {
            readyKnown = true
            hasBacklog = true
            // Long enough for quick runs to make room; slots must not stay free behind slow ones.
            backlogUntil = now + .milliseconds(20)
            if let lowest = passes?.lowerBound, hints == hintsAtQuestion { low = lowest }
            return
        }
        hasBacklog = false
        if isDealt {
            // What it had locked may have been cancelled meanwhile. The next claim tells whether that was all.
            readyKnown = true
            low = .min
            return
        }
        // What a hint told of may lie below the bounds, such as a run for an event that was there for a while.
        if !reach.asksAll, let allAt = reach.allAt { pollAt = min(pollAt, max(allAt, now)) }
        // A short answer from the watermark upwards says nothing about what lies below it.
        readyKnown = low != .min || hints != hintsAtQuestion
        low = .min
        if let nextDueIn {
            dueAt = [nextDueIn.map { now + max($0, .zero) }, expectedMeanwhile].compactMap { $0 }.min()
        } else if let due = dueAt, due <= now {
            dueAt = nil
            pollAt = now
        }
    }

    /// - Parameters:
    ///   - below: whether something is ready below the bounds of the look.
    ///   - dueIn: until the next run is due, by the database's clock; nil if none waits.
    mutating func looked(ready: Bool, below: Bool = false, dueIn: Duration?, now: Instant) {
        reach.answered(hasAllDue: false, passes: nil, now: now)
        if ready || below { readyKnown = true }
        if below || dueIn.map({ $0 < .seconds(-1) }) ?? false { reach.demandAll() }
        dueAt = [dueIn.map { now + max($0, .zero) }, expectedMeanwhile].compactMap { $0 }.min()
    }
}
