import Foundation

/// The order in which branches go on: the same as in every later replay, where the moments of the records decide.
extension RunMachine {
    /// The moment of the next record: no two are the same, so that their order survives being stored. The last one may
    /// so be ahead of the clock.
    mutating func moment(_ now: Date) -> Date {
        lastMoment = Date(microseconds: max(now.microseconds, lastMoment.microseconds + 1))
        return lastMoment
    }

    /// Records that a step ended.
    ///
    /// - Returns: What its branch has to wait for, if anything goes on before it in every replay.
    mutating func settle(_ step: RecordedStep) -> Ticket? {
        record(step)
        // The branch whose turn it was is on its way still: a body has returned beside it, and its job may be before that
        // branch's. In a replay it is behind.
        let follows = hasDelivered && memory.unmet == 0
        let waits =
            follows
            || waits.values.contains { wait in
                switch wait.cause {
                case .memo, .settled: true
                case .sleep(let date, _): date <= step.endedAt
                case .start, .retry, .open: false
                }
            }
        return waits ? register(step.step, .settled(step)) : nil
    }

    /// Takes the branch that goes on next without anything being recorded before: first the memos, then what came to
    /// its end meanwhile, then what has come for open steps.
    ///
    /// One at a time, because what it does may be to cancel the others.
    mutating func takeReady(_ now: Date) -> (ticket: Ticket, meeting: Meeting)? {
        guard !waits.isEmpty else { return nil }
        var memo: (ticket: Ticket, position: Int, record: RecordedStep)?
        var next: (ticket: Ticket, order: (Date, Int, Ticket), meeting: Meeting)?
        for (ticket, wait) in waits {
            let candidate: (ticket: Ticket, order: (Date, Int, Ticket), meeting: Meeting)
            switch wait.cause {
            case .memo(let position, let record):
                if position < memo?.position ?? .max { memo = (ticket, position, record) }
                continue
            case .sleep(let date, let position) where date <= now:
                candidate = (ticket, (date, position ?? .max, ticket), .passed)
            case .settled(let record):
                candidate = (ticket, (record.endedAt, .max, ticket), .recorded(record))
            case .start, .retry, .sleep, .open:
                continue
            }
            if next.map({ candidate.order < $0.order }) ?? true { next = candidate }
        }
        if let memo {
            waits[memo.ticket] = nil
            memory.skip(to: memo.position)
            return (memo.ticket, .recorded(memo.record))
        }
        // All of this ends later than what is recorded, also than what the replay has yet to come to.
        guard memory.unmet == 0 else { return nil }
        if let next {
            waits[next.ticket] = nil
            return (next.ticket, next.meeting)
        }
        return takeArrival(now)
    }
}

extension Date {
    fileprivate var microseconds: Int64 { Int64((timeIntervalSince1970 * 1_000_000).rounded()) }

    fileprivate init(microseconds: Int64) { self.init(timeIntervalSince1970: Double(microseconds) / 1_000_000) }
}
