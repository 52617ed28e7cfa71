/// What a worker says of how far a queue's claims have come, and what it may take for granted because of that. Pure.
///
/// In a fair queue (migration 0025) a run of a tenant that has nothing else there begins where the claims are *said* to have
/// come to. So claims and looks must not begin beyond what was said.
struct FairOrder {
    typealias Instant = ContinuousClock.Instant

    private static let period = Duration.milliseconds(100)
    /// How often a queue that is not fair is asked about again.
    private static let unfairPeriod = Duration.seconds(10)

    private var askAt: Instant?
    /// The highest `pass` that this worker has said; nil: the queue is not fair, as far as is known.
    private var said: Int64?

    /// Whether it is time to say what a claim brings.
    func isDue(now: Instant) -> Bool { askAt.map { now >= $0 } ?? true }

    /// - Parameters:
    ///   - isFair: what the database answered.
    ///   - pass: what was said.
    mutating func answered(isFair: Bool, pass: Int64, now: Instant) {
        said = isFair ? max(said ?? pass, pass) : nil
        askAt = now + (isFair ? Self.period : Self.unfairPeriod)
    }

    /// Between which bounds the new runs of a claim count for where the next may begin.
    func bounds(_ passes: ClosedRange<Int64>?) -> ClosedRange<Int64>? {
        guard let passes, let said else { return passes }
        return min(passes.lowerBound, said)...said
    }
}
