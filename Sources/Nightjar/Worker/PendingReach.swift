internal import Synchronization

/// From where on what is pending is read, for all of a process that read it: for the same reason as ``ClaimReach``, since while an
/// old snapshot is held, the rows that are through stay at the index's left end.
///
/// As long as reading all takes no time, all is read. Else most reads begin where those of a second or two ago had ended; what
/// lies below that is rare, its transaction was open for longer: now and then all is read, the longer that takes the less often.
final class PendingReach: Sendable {
    typealias Instant = ContinuousClock.Instant

    private static let period = Duration.seconds(1)
    private static let noTime = Duration.milliseconds(2)

    private struct State {
        /// The sequence as of the last read, at the last change of the period, and at the one before.
        var highest: Int64 = 0
        var last: Int64 = 0
        var low: Int64 = 0
        var changeAt: Instant?
        /// Before then not all is read, if reading all takes its time.
        var allAt: Instant?
        /// How long the last read of all took.
        var allTook = Duration.zero
        var owedAt: Instant?
    }
    private let state = Mutex(State())

    /// When all has to be read although nobody asks, since what was read last was not all.
    var owedAt: Instant? { state.withLock { $0.owedAt } }

    /// After which sequence number to read; 0: all.
    func after(now: Instant) -> Int64 {
        state.withLock { state in
            if state.changeAt.map({ now >= $0 }) ?? true {
                (state.low, state.last) = (state.last, state.highest)
                state.changeAt = now + Self.period
            }
            return state.allTook < Self.noTime || state.allAt.map { now >= $0 } ?? true ? 0 : state.low
        }
    }

    /// Something lies below, such as what somebody had locked: the next read is about all.
    func demandAll() { state.withLock { $0.allAt = nil } }

    /// - Parameters:
    ///   - after: as it was told.
    ///   - sequence: how far sequence numbers had been given out when it was read.
    ///   - took: how long reading took.
    func read(after: Int64, sequence: Int64, took: Duration, now: Instant) {
        state.withLock { state in
            state.highest = max(state.highest, sequence)
            if after == 0 {
                state.allTook = took
                // A fiftieth of the time, at most.
                state.allAt = now + min(max(took * 50, .milliseconds(100)), .seconds(5))
                state.owedAt = nil
            } else {
                state.owedAt = state.allAt
            }
        }
    }
}
