import Foundation

extension RunMachine {
    /// What the driver knows when the executor has gone dry.
    struct Situation: Sendable {
        var now: Date
        /// Whether user code has run since the last turn.
        var wasBusy: Bool
        /// Whether the run may have branches that wait for something outside of steps.
        ///
        /// Only a function that never had a child task nor came back from elsewhere is known to have one branch.
        var mayHaveUnseenWork: Bool
        /// From 0 up to but not including 1; asked only when a retry needs its jitter.
        var random: @Sendable () -> Double
    }

    /// What the driver does next.
    enum Turn: Sendable {
        /// Let these branches go on, in this order.
        case resume([(ticket: Ticket, meeting: Meeting)])
        case commit(RunCommit)
        /// Wait for user code to come back from elsewhere, at most until then.
        case rest(until: Date?)
        /// End user code: resume every branch that waits with the private error.
        case unwind
        /// Cancel whatever user code waits for outside of steps.
        case cancel
        case finish(RunResult)
    }

    /// Decides what happens when the executor has gone dry.
    mutating func turn(_ situation: Situation) -> Turn {
        let now = situation.now
        if situation.wasBusy { lastActivity = now }
        hasDelivered = false
        switch phase {
        case .running, .failing:
            break
        case .unwinding(let result):
            return unwinding(result, now: now)
        case .over:
            preconditionFailure("a run was driven on after its end; make a new RunExecution for every claim")
        }
        if case .failing = phase { return .commit(failureCommit()) }

        if let ready = takeReady(max(now, lastMoment)) {
            hasDelivered = true
            return .resume([ready])
        }
        if let ending { return .commit(endingCommit(ending, situation)) }
        return advance(situation)
    }

    private mutating func unwinding(_ result: RunResult, now: Date) -> Turn {
        if ending != nil, waits.isEmpty {
            phase = .over
            return .finish(result)
        }
        if !waits.isEmpty {
            waits = [:]
            return .unwind
        }
        if !hasUnwound {
            hasUnwound = true
            lastActivity = now
            if case .parked = result { notice(.unseenWork) }
            return .cancel
        }
        let warning = lastActivity.addingTimeInterval(patience.unwinding.seconds)
        if now < warning { return .rest(until: warning) }
        notice(.slowUnwinding)
        return .rest(until: nil)
    }

    /// Every branch waits, for a step or for something we cannot see; none can go on by itself.
    private mutating func advance(_ situation: Situation) -> Turn {
        let now = situation.now
        let starts = startable(now)
        var wakeUp = earliestWakeUp(after: now)

        // Without a branch in a step, the only one there is waits for something else and comes back.
        if memory.unmet > 0, !starts.isEmpty || (inFlight.isEmpty && !waits.isEmpty) {
            let patient = lastActivity.addingTimeInterval(patience.replay.seconds)
            guard situation.mayHaveUnseenWork, now < patient else {
                fail(mismatch(instead: starts.first?.key))
                return .commit(failureCommit())
            }
            wakeUp = min(wakeUp ?? patient, patient)
            return hasPending ? .commit(commit(.keep)) : .rest(until: wakeUp)
        }
        if !starts.isEmpty {
            return hasPending ? .commit(commit(.keep)) : .resume(start(starts))
        }
        if !inFlight.isEmpty || waits.isEmpty {
            return hasPending ? .commit(commit(.keep)) : .rest(until: wakeUp)
        }
        if situation.mayHaveUnseenWork {
            let quiet = lastActivity.addingTimeInterval(patience.parking.seconds)
            if now < quiet {
                return hasPending ? .commit(commit(.keep)) : .rest(until: min(wakeUp ?? quiet, quiet))
            }
        }
        return .commit(parkCommit(now))
    }

    var hasPending: Bool {
        !pending.steps.isEmpty || !pending.attempts.isEmpty || !pending.openings.isEmpty
    }

    /// The branches that want to execute a body, in the order in which they came.
    private func startable(_ now: Date) -> [(ticket: Ticket, key: String, attempt: Int)] {
        var starts: [(ticket: Ticket, key: String, attempt: Int)] = []
        for (ticket, wait) in waits {
            switch wait.cause {
            case .start(let attempt): starts.append((ticket, wait.key, attempt))
            case .retry(let date, let attempt) where date <= now: starts.append((ticket, wait.key, attempt))
            case .retry, .sleep, .memo, .settled, .open: break
            }
        }
        return starts.count > 1 ? starts.sorted { $0.ticket < $1.ticket } : starts
    }

    private mutating func start(
        _ starts: [(ticket: Ticket, key: String, attempt: Int)]
    ) -> [(ticket: Ticket, meeting: Meeting)] {
        starts.map { ticket, key, attempt in
            waits[ticket] = nil
            inFlight.insert(key)
            return (ticket, .start(key: key, attempt: attempt))
        }
    }

    private func earliestWakeUp(after now: Date) -> Date? {
        var earliest: Date?
        for wait in waits.values {
            guard let date = wait.dueAt, date > now else { continue }
            earliest = min(earliest ?? date, date)
        }
        return earliest
    }
}
