import Foundation

/// The commits with which a run leaves the process.
extension RunMachine {
    /// Everything pending, and that the run failed.
    func failureCommit() -> RunCommit {
        guard case .failing(let error) = phase else { preconditionFailure("only a failing run has a failure") }
        return ending(.failed(error))
    }

    /// Everything pending, and what follows.
    func commit(_ next: Next) -> RunCommit {
        var commit = pending
        commit.next = next
        commit.mail = mail
        if case .end = next {
            commit.openings = []
        } else if !commit.openings.isEmpty {
            let ended = Set(commit.steps.map(\.step))
            commit.openings.removeAll { ended.contains($0.step) }
        }
        return commit
    }

    private func ending(_ outcome: Outcome) -> RunCommit { commit(.end(outcome)) }

    func park(until date: Date, reason: ParkReason) -> RunCommit { commit(.park(until: date, reason: reason)) }

    func parkCommit(_ now: Date) -> RunCommit {
        let waits = waits.values.compactMap { wait in wait.parking.map { (date: wait.dueAt ?? now, reason: $0) } }
        let date = waits.lazy.map(\.date).min() ?? now
        // What comes from outside is named first, whenever it comes. Of a sleep and a retry at the same moment, name
        // the retry: it is what people look for.
        let reasons = waits.filter { $0.date == date || $0.reason == .waiting || $0.reason == .invoking }.map(\.reason)
        let reason = [.waiting, .invoking, .retrying].first(where: reasons.contains)
        return park(until: date, reason: reason ?? .sleeping)
    }

    /// User code has returned or thrown.
    mutating func endingCommit(_ result: Result<String, any Error>, _ situation: Situation) -> RunCommit {
        switch result {
        case .success(let output):
            // Whatever was not met now is never met: all branches have ended.
            guard memory.unmet == 0 else {
                fail(mismatch(instead: nil))
                return failureCommit()
            }
            return ending(.completed(output: output))
        case .failure(let error):
            return failing(with: error, situation)
        }
    }

    private mutating func failing(with error: any Error, _ situation: Situation) -> RunCommit {
        let streak = functionStreak
        let runError = RunError(error)
        switch error {
        case is StepError, is NonRetryableError, is PermanentError, is EventError:
            return ending(.failed(runError))
        default:
            break
        }
        guard streak < options.retries.maxRetries else { return ending(.failed(runError)) }
        // The end of a scope withdraws what waits in it, but the next attempt is to wait for it again.
        pending.steps.removeAll(where: \.isWithdrawn)
        let now = situation.now
        let retryAt = options.retries.retryDate(
            after: error, attempt: streak + 1, random: situation.random(), now: now)
        var commit = park(until: retryAt, reason: .retrying)
        commit.attempts.append(
            RecordedAttempt(
                step: "", attempt: (functionAttempts.last?.attempt ?? 0) + 1, error: runError, retryAt: retryAt,
                startedAt: Self.beginning(of: context), endedAt: max(now, lastMoment)))
        return commit
    }

    /// The failed attempts of the function itself, oldest first.
    var functionAttempts: [RecordedAttempt] {
        context.attempts.filter(\.step.isEmpty).sorted { $0.attempt < $1.attempt }
    }

    /// How many attempts of the function failed in a row: a step that ended since then starts the count again.
    var functionStreak: Int {
        if hasProgressed { return 0 }
        let progress = context.memo.lazy.map(\.endedAt).max() ?? .distantPast
        return functionAttempts.count { $0.endedAt >= progress }
    }

    /// The failure of a run one of whose recorded steps the replay has not come to.
    ///
    /// A function whose way depends on its event and its steps alone comes to all recorded steps before a body has to
    /// start: whatever led to them is recorded, and memos are delivered in the order in which they were made, so races
    /// end as they did. Functions of another kind can be accused wrongly, and are told what to do:
    /// - A parallel branch awaits something else, for longer than `patience.replay`, before its recorded step.
    /// - A branch came to a step only because it lost a race by less than the work before that step, outside of steps,
    ///   takes now.
    ///
    /// An error that the function throws before a recorded step is no mismatch: it may be due to what it awaits
    /// outside of steps, and the next attempt may get further.
    func mismatch(instead key: String?) -> RunError {
        let recorded = memory.firstUnmet.map { "step \"\($0.step)\" (\($0.kind.name))" } ?? "a step"
        let instead =
            if let key {
                "it came to step \"\(key)\" instead"
            } else if let wait = waits.min(by: { $0.key < $1.key })?.value {
                "it waits at step \"\(wait.key)\" instead"
            } else {
                "it ended instead"
            }
        return .replayMismatch("\(recorded) is recorded, but the replay did not come to it: \(instead)")
    }
}

extension RunMachine.Wait {
    /// What a run that is parked because of it is said to wait for.
    fileprivate var parking: ParkReason? {
        switch cause {
        case .memo, .settled, .start: nil
        case .sleep: .sleeping
        case .retry: .retrying
        case .open(.invoke, _): .invoking
        case .open: .waiting
        }
    }
}
