import Foundation

extension RunMachine {
    /// What user code that calls a step gets.
    enum Meeting: Sendable {
        /// The step has ended, now or in an earlier execution.
        case recorded(RecordedStep)
        /// A sleep is over.
        case passed
        /// Execute the body now.
        case start(key: String, attempt: Int)
        case wait(Ticket)
    }

    enum Admission {
        case met(Meeting)
        case fresh(key: String)
    }

    /// A `run` step is called.
    mutating func meetRun(_ id: String, isCancelled: Bool, now: Date) throws -> Meeting {
        switch try admit(id, .run, isCancelled: isCancelled, now: now) {
        case .met(let meeting): meeting
        case .fresh(let key): begin(key, now: now)
        }
    }

    /// A `sleep` step is called.
    mutating func meetSleep(_ id: String, until: Date, isCancelled: Bool, now: Date) throws -> Meeting {
        switch try admit(id, .sleep, isCancelled: isCancelled, now: now) {
        case .met(let meeting):
            return meeting
        case .fresh(let key):
            let until = until.storable(instead: now)
            let moment = moment(now)
            let step = RecordedStep(step: key, kind: .sleep, dueAt: until, startedAt: moment, endedAt: moment)
            if until <= now { return settle(step).map(Meeting.wait) ?? .passed }
            record(step)
            return .wait(register(key, .sleep(until: until, position: nil)))
        }
    }

    /// A `sendEvent` step is called with events that have their ids.
    mutating func meetSend(_ id: String, isCancelled: Bool, now: Date, events: () throws -> [NewEvent]) throws
        -> Meeting
    {
        switch try admit(id, .sendEvent, isCancelled: isCancelled, now: now) {
        case .met(let meeting):
            return meeting
        case .fresh(let key):
            let events = try events()
            let output = try JSONCoding.text(events.compactMap(\.publicID))
            let moment = moment(now)
            let step = RecordedStep(step: key, kind: .sendEvent, output: output, startedAt: moment, endedAt: moment)
            pending.events += events
            return settle(step).map(Meeting.wait) ?? .recorded(step)
        }
    }

    mutating func admit(_ id: String, _ kind: StepKind, isCancelled: Bool, now: Date) throws -> Admission {
        try checkRunning()
        if id.isEmpty || id.utf8.count > 255 || id.utf8.contains(0) {
            throw PermanentError(
                code: RunError.Code.misuse,
                "step id \"\(ErrorText.printable(id))\": a step id must have 1 to 255 bytes and no NUL")
        }
        let (key, previous) = memory.key(for: id)
        if let previous { noteParallelUse(of: id, previous: previous) }
        guard let (position, record) = memory.meet(key) else {
            if let step = open[key] {
                try check(step.kind, of: key, calledAs: kind)
                if isCancelled { withdraw(key, now: now) }
            }
            if isCancelled { throw CancellationError() }
            return open[key].map { .met(.wait(register(key, .open(kind, until: $0.dueAt)))) } ?? .fresh(key: key)
        }
        try check(record.kind, of: key, calledAs: kind)
        if kind == .sleep, let dueAt = record.dueAt, dueAt > now {
            if isCancelled { throw CancellationError() }
            return .met(.wait(register(key, .sleep(until: dueAt, position: position))))
        }
        // What another branch does with its memo may be to cancel this one.
        guard !(record.endsWhenCancelled && hasDelivered), memory.deliver(position) else {
            return .met(.wait(register(key, .memo(position: position, record))))
        }
        hasDelivered = true
        return .met(.recorded(record))
    }

    private mutating func check(_ recorded: StepKind, of key: String, calledAs kind: StepKind) throws {
        guard recorded != kind else { return }
        fail(
            .replayMismatch(
                "step \"\(key)\" is recorded as \(recorded.name), but the function now uses it as \(kind.name)"))
        throw RunUnwinding()
    }

    func checkRunning() throws {
        switch phase {
        case .running:
            return
        case .failing, .unwinding:
            throw RunUnwinding()
        case .over:
            throw PermanentError(
                code: RunError.Code.misuse,
                "a step was used after its run had ended; steps work only until the function returns or throws")
        }
    }

    /// Starts the body of a step at once where nothing has to be recorded or recalled before.
    private mutating func begin(_ key: String, now: Date) -> Meeting {
        let last = attempts[key]
        let attempt = (last?.attempt ?? 0) + 1
        if let last, last.retryAt > now {
            return .wait(register(key, .retry(at: last.retryAt, attempt: attempt)))
        }
        guard !hasPending, memory.unmet == 0 else {
            return .wait(register(key, .start(attempt: attempt)))
        }
        inFlight.insert(key)
        return .start(key: key, attempt: attempt)
    }

    private mutating func noteParallelUse(of id: String, previous: String) {
        if inFlight.contains(previous) || waits.values.contains(where: { $0.key == previous }) {
            notice(.sameIDInParallel(id))
        }
    }

    mutating func record(_ step: RecordedStep) {
        pending.steps.append(step)
        hasProgressed = true
    }

    mutating func register(_ key: String, _ cause: Wait.Cause) -> Ticket {
        nextTicket += 1
        waits[nextTicket] = Wait(key: key, cause: cause)
        return nextTicket
    }

    /// User code cancelled a branch that waits, as the end of a scope does.
    ///
    /// - Returns: Whether the branch is to be resumed with an error.
    mutating func cancel(_ ticket: Ticket) -> Bool {
        guard case .running = phase, let wait = waits[ticket] else { return false }
        switch wait.cause {
        case .settled: return false
        // What is recorded had come to its end before the cancellation; it is delivered.
        case .memo(_, let record): guard record.endsWhenCancelled else { return false }
        case .open: withdrawals[ticket] = wait.key
        case .start, .sleep, .retry: break
        }
        waits[ticket] = nil
        return true
    }
}

extension RecordedStep {
    /// Whether the branch may have been cancelled before the step let it go on: nothing is recorded of the end of a
    /// sleep. A replay then cancels it again, while it waits for its turn.
    fileprivate var endsWhenCancelled: Bool { kind == .sleep || isWithdrawn }
}

extension RunError {
    static func replayMismatch(_ what: String) -> RunError {
        RunError(
            name: "ReplayMismatch",
            message: "\(what). Was the function changed while the run was under way, or does its way depend on "
                + "something that is not recorded in a step, such as the time or a random number?",
            code: RunError.Code.replayMismatch)
    }
}
