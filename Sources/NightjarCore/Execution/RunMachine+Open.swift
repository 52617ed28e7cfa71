import Foundation

/// Steps that wait for something from outside of the run.
extension RunMachine {
    /// A `waitForEvent` or `invoke` step is called.
    ///
    /// - Parameter opening: Describes the step when it begins; one that has begun stays what it was.
    mutating func meetOpen(
        _ id: String, _ kind: StepKind, isCancelled: Bool, now: Date, opening: (_ key: String) throws -> OpenStep
    ) throws -> Meeting {
        switch try admit(id, kind, isCancelled: isCancelled, now: now) {
        case .met(let meeting):
            return meeting
        case .fresh(let key):
            let step = try opening(key)
            open[key] = step
            pending.openings.append(step)
            return .wait(register(key, .open(kind, until: step.dueAt)))
        }
    }

    /// Takes note of what has come; of a step that is not open, or that something has come for already, it is ignored.
    mutating func deliver(_ arrived: [Arrival], mail: Int) {
        for arrival in arrived where open[arrival.step] != nil && arrivals[arrival.step] == nil {
            arrivals[arrival.step] = arrival
        }
        self.mail = max(self.mail, mail)
    }

    /// Ends the first open step that something has come for, or that has timed out.
    mutating func takeArrival(_ now: Date) -> (ticket: Ticket, meeting: Meeting)? {
        var first: (ticket: Ticket, step: OpenStep)?
        for (ticket, wait) in waits where ticket < first?.ticket ?? .max {
            guard case .open(_, let date) = wait.cause, date <= now || arrivals[wait.key] != nil,
                let step = open[wait.key],
                // What began and ended in one commit would never have been open to anything.
                !pending.openings.contains(where: { $0.step == wait.key })
            else { continue }
            first = (ticket, step)
        }
        guard let (ticket, step) = first else { return nil }
        waits[ticket] = nil
        open[step.step] = nil
        let ended = step.record(of: arrivals.removeValue(forKey: step.step), endedAt: moment(now))
        record(ended)
        return (ticket, .recorded(ended))
    }

    /// A branch has heard that its wait was cancelled.
    mutating func withdraw(_ ticket: Ticket, now: Date) throws {
        try checkRunning()
        if let step = withdrawals.removeValue(forKey: ticket) { withdraw(step, now: now) }
    }

    /// Ends an open step whose branch user code has cancelled.
    mutating func withdraw(_ key: String, now: Date) {
        guard let step = open.removeValue(forKey: key) else { return }
        arrivals[key] = nil
        // No progress: a function that fails and so ends its scopes would be retried for ever.
        pending.steps.append(step.withdrawn(endedAt: moment(now)))
    }
}

extension OpenStep {
    /// How the step ends with what has come for it; nil: it has timed out.
    fileprivate func record(of arrival: Arrival?, endedAt: Date) -> RecordedStep {
        if let error = arrival?.error { return failure(error, endedAt: endedAt) }
        if arrival == nil, kind == .invoke {
            // A replay does not know what the step had invoked.
            let function = invocation.map { "function \"\($0.function)\"" } ?? "the function that it invoked"
            let limit = dueAt.timeIntervalSince(startedAt)
            return failure(
                RunError(
                    name: "InvokeTimeout", message: "\(function) took longer than the step's timeout of \(limit) s",
                    code: RunError.Code.invokeTimeout), endedAt: endedAt)
        }
        return RecordedStep(
            step: step, kind: kind, output: arrival?.output ?? "null", startedAt: startedAt, endedAt: endedAt)
    }

    fileprivate func withdrawn(endedAt: Date) -> RecordedStep {
        failure(
            RunError(
                name: "CancellationError", message: "the function's code cancelled the branch that waited",
                code: RunError.Code.withdrawn), endedAt: endedAt)
    }

    private func failure(_ error: RunError, endedAt: Date) -> RecordedStep {
        RecordedStep(
            step: step, kind: kind, status: .failed, error: error, startedAt: startedAt, endedAt: endedAt)
    }
}
