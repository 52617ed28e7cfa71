internal import Foundation
internal import NightjarCore

// Steps that wait: for a time, an event, a signal, or the end of another run.
extension RemoteMachine {
    mutating func sleep(_ operation: Operation, _ turn: Turn) {
        let text = operation.options?["duration"]?.string ?? operation.name ?? ""
        guard let dueAt = due(text, of: operation, turn) else { return }
        let moment = moment(turn.now)
        record(
            RecordedStep(
                step: operation.id, name: operation.title, kind: .sleep, dueAt: dueAt, startedAt: moment,
                endedAt: moment))
        progress += 1
        streak = 0
    }

    mutating func waitForEvent(_ operation: Operation, _ turn: Turn) {
        let event = operation.options?["event"]?.string ?? operation.name ?? ""
        if let problem = EventName.patternProblem(event) {
            return fail(RunError(name: "InvalidEventName", message: problem, code: "invalid_event"))
        }
        guard let dueAt = due(operation.options?["timeout"]?.string ?? "", of: operation, turn) else { return }
        var wait = EventWait(event: event, branches: [MatchBranch()])
        wait.remote = true
        if let text = operation.options?["if"]?.string, !text.isEmpty {
            do {
                let expression = try EventExpression(text, scope: .match)
                // What can never match waits for its time.
                wait.branches = (try? expression.match())?.branches ?? []
                wait.text = "if \(text)"
            } catch {
                let message = "step \"\(operation.title ?? operation.id)\": \(error.summary)"
                return fail(RunError(name: "InvalidExpression", message: message, code: "InvalidExpression"))
            }
        }
        begin(operation, .waitForEvent, dueAt, turn) { $0.wait = wait }
    }

    mutating func waitForSignal(_ operation: Operation, _ turn: Turn) {
        guard let signal = operation.options?["signal"]?.string ?? operation.name, !signal.isEmpty else {
            return fail(RunError(name: "InvalidSignal", message: "a step waits for a signal without a name"))
        }
        guard let dueAt = due(operation.options?["timeout"]?.string ?? "", of: operation, turn) else { return }
        let waiter = "\(runID.uuidString.lowercased()).\(operation.id)"
        let replaces = operation.options?["conflict"]?.string?.lowercased() == "replace"
        guard let path = try? FieldPath("data.waiter") else { return }
        let match = Match(path, equals: .string(waiter))
        let wait = EventWait(event: "inngest/signal.sent", text: "signal \(signal)", branches: match.branches)
        guard dueAt > turn.now else { return begin(operation, .waitForSignal, dueAt, turn) { $0.wait = wait } }
        claims.append(
            (
                SignalClaim(step: operation.id, signal: signal, replaces: replaces),
                OpenStep(
                    step: operation.id, name: operation.title, kind: .waitForSignal, wait: wait, dueAt: dueAt,
                    startedAt: moment(turn.now))
            ))
        progress += 1
    }

    mutating func invoke(_ operation: Operation, _ turn: Turn) {
        guard let slug = operation.options?["function_id"]?.string, !slug.isEmpty else {
            return fail(RunError(name: "InvalidInvoke", message: "a step invokes a function without an id"))
        }
        let text = operation.options?["timeout"]?.string ?? ""
        guard let dueAt = due(text.isEmpty ? "365d" : text, of: operation, turn) else { return }
        let data = operation.options?["payload"]?["data"]
        // The data of an event is an object; what is none gets a place in one.
        let json = data.map {
            $0.members == nil ? "{\"data\":\(CanonicalJSON.text(of: $0))}" : CanonicalJSON.text(of: $0)
        }
        begin(operation, .invoke, dueAt, turn) { $0.invocation = Invocation(slug: slug, dataJSON: json ?? "{}") }
    }

    private mutating func begin(
        _ operation: Operation, _ kind: StepKind, _ dueAt: Date, _ turn: Turn, _ complete: (inout OpenStep) -> Void
    ) {
        var step = OpenStep(
            step: operation.id, name: operation.title, kind: kind, dueAt: dueAt, startedAt: moment(turn.now))
        complete(&step)
        // What is over before it begins never listens.
        guard dueAt > turn.now else {
            record(step.record(of: nil, endedAt: moment(turn.now)))
            return gotOn(with: step.step)
        }
        opened(step)
    }

    mutating func opened(_ step: OpenStep) {
        known.insert(step.step)
        open[step.step] = step
        pending.openings.append(step)
        progress += 1
        streak = 0
    }

    /// When a step's time is over; nil when that cannot be, and the run fails.
    private mutating func due(_ text: String, of operation: Operation, _ turn: Turn) -> Date? {
        let step = operation.title ?? operation.id
        guard let date = AppDuration.date(text, from: turn.now) else {
            fail(
                RunError(
                    name: "InvalidDuration",
                    message: "step \"\(step)\": \"\(text)\" is neither a duration such as 1h30m nor a date",
                    code: "invalid_duration"))
            return nil
        }
        guard date.timeIntervalSince(turn.now) <= limits.waitDuration else {
            fail(
                RunError(
                    name: "InngestErrTimeoutTooLong", message: "step \"\(step)\" would last longer than 366 days",
                    code: "InngestErrTimeoutTooLong"))
            return nil
        }
        return max(date, Date(timeIntervalSince1970: 0))
    }

    // MARK: Their ends

    /// Ends the steps that something has come for.
    mutating func takeArrivals(_ now: Date) {
        guard outcome == nil else { return }
        // What began and ended in one commit would never have been open to anything.
        let opening = Set(pending.openings.map(\.step))
        let came = arrivals.filter { !opening.contains($0.step) }
        arrivals.removeAll { !opening.contains($0.step) }
        for arrival in came {
            if let step = open[arrival.step] { end(step, with: arrival, now) }
        }
    }

    /// Ends the steps whose time is over.
    mutating func takeTimeouts(_ now: Date) {
        guard outcome == nil else { return }
        let over = open.values.filter { $0.dueAt <= now }.sorted { ($0.dueAt, $0.step) < ($1.dueAt, $1.step) }
        for step in over where !pending.openings.contains(where: { $0.step == step.step }) { end(step, with: nil, now) }
    }

    /// Notes the sleeps that are over.
    mutating func takeSleeps(_ now: Date) {
        for (step, date) in sleeping where date <= now {
            sleeping[step] = nil
            needsDiscovery = true
        }
    }

    private mutating func end(_ step: OpenStep, with arrival: Arrival?, _ now: Date) {
        open[step.step] = nil
        stateBytes += arrival?.output?.utf8.count ?? 0
        record(step.record(of: arrival, endedAt: moment(now)))
        gotOn(with: step.step)
    }
}

extension OpenStep {
    /// How the step ends with what has come for it; nil: its time is over.
    fileprivate func record(of arrival: Arrival?, endedAt: Date) -> RecordedStep {
        var record = RecordedStep(step: step, name: name, kind: kind, startedAt: startedAt, endedAt: endedAt)
        switch (kind, arrival) {
        case (_, let arrival?) where arrival.error != nil:
            record.status = .failed
            record.error = arrival.error
        case (.invoke, nil):
            record.status = .failed
            let function = invocation.map { "function \"\($0.slug ?? $0.function)\"" } ?? "the invoked function"
            record.error = RunError(
                name: "InvokeTimeout",
                message: "\(function) timed out: it took longer than the step's timeout; it may still go on",
                code: RunError.Code.invokeTimeout)
        case (.waitForSignal, let arrival?):
            let data = arrival.output.flatMap { try? JSONValue($0) }?["data"]
            let signal = data?.member("signal").map { CanonicalJSON.text(of: $0) } ?? "null"
            let value = data?.member("data").map { CanonicalJSON.text(of: $0) } ?? "null"
            record.output = "{\"data\":\(value),\"signal\":\(signal)}"
        default:
            record.output = arrival?.output ?? "null"
        }
        return record
    }
}
