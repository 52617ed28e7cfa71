/// How far back in their order claims and looks read. Pure, as ``ClaimSchedule`` is.
///
/// A row of the index that is dead, and that an old snapshot may still see, is read again by every claim that passes it.
/// So most claims begin where those of a second or two ago had come to. What lies below that is rare: its transaction was
/// open for longer than that, or somebody held it locked. Now and then all is read, so that it is found; the longer that
/// takes, the less often.
struct ClaimReach {
    typealias Instant = ContinuousClock.Instant

    private static let period = Duration.seconds(1)
    /// Allows for transactions that end after moments that are theirs, and for clocks.
    private static let margin = Duration.seconds(2)

    /// The highest `pass` claimed so far, at the last change of the period, and at the one before.
    private var highest = Int64.min
    private var last = Int64.min
    private var low = Int64.min
    private var changeAt: Instant?
    /// Everything that was due by then has been claimed, but for what was locked.
    private var dueUntil: Instant?
    private(set) var allAt: Instant?
    private var isDemanded = false
    /// While a question was on its way: its answer may not know of what was meant.
    private var isDemandedMeanwhile = false
    private var askedAt: Instant?
    /// Whether the last question was about all.
    private(set) var asksAll = false

    /// Below this `pass` there is nothing new, as far as is known.
    mutating func floor(now: Instant) -> Int64 {
        if changeAt.map({ now >= $0 }) ?? true {
            (low, last) = (last, highest)
            changeAt = now + Self.period
        }
        return low
    }

    /// How long overdue the runs are at most that the question which now goes out is about; nil: it is about all runs.
    mutating func ask(now: Instant) -> Duration? {
        askedAt = now
        isDemandedMeanwhile = false
        let overdue = dueUntil.map { now - $0 + Self.margin }
        asksAll = isDemanded || overdue == nil || allAt.map { now >= $0 } ?? true
        return asksAll ? nil : overdue
    }

    /// There is something below the bounds.
    mutating func demandAll() {
        isDemanded = true
        isDemandedMeanwhile = true
    }

    /// - Parameters:
    ///   - hasAllDue: whether all runs that were due have come with the answer.
    ///   - isFull: whether there may be more than has come.
    ///   - passes: the lowest and the highest `pass` of new ones.
    mutating func answered(hasAllDue: Bool, isFull: Bool = false, passes: ClosedRange<Int64>?, now: Instant) {
        guard let askedAt else { return }
        if let passes { highest = max(highest, passes.upperBound) }
        if hasAllDue {
            dueUntil = max(dueUntil ?? askedAt, askedAt)
            // As long as full answers begin below the bound, there is more below it.
            if asksAll {
                isDemanded = isDemandedMeanwhile || isFull && passes.map { $0.lowerBound < low } ?? false
            }
        }
        // A fiftieth of the time, at most.
        if asksAll { allAt = now + min(max((now - askedAt) * 50, .milliseconds(100)), .seconds(5)) }
        self.askedAt = nil
    }
}
