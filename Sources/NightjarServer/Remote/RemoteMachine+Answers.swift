internal import Foundation
internal import NightjarCore

// What follows from answers.
extension RemoteMachine {
    /// Takes note of what came of a call.
    mutating func received(_ answer: CallAnswer, of id: Int, now: Date, random: Double) {
        guard let (call, startedAt) = inFlight.removeValue(forKey: id), result == nil, outcome == nil else { return }
        let now = max(now, lastMoment)
        let turn = Turn(call: call, answer: answer, startedAt: startedAt, now: now, random: random)
        if let step = call.step { planned[step]?.call = nil }
        if case .gateway(let step, let request) = call.target { return requested(request, for: step, turn) }
        if let version = answer.version { state.version = min(max(version, 0), 2) }
        switch answer.content {
        case .completed(let output): complete(output)
        case .failed(let error, _): callFailed(error, turn)
        case .operations(let operations): apply(operations, turn)
        }
    }

    /// An answer and what it is about.
    struct Turn {
        let call: RemoteCall
        let answer: CallAnswer
        let startedAt: Date
        let now: Date
        let random: Double

        /// Whether a failure is not followed by another attempt, with so many retries.
        func isLast(_ retries: RetryPolicy) -> Bool { answer.isFinal || call.attempt >= retries.maxRetries }
    }

    mutating func complete(_ output: String) {
        guard output.utf8.count <= outputLimit else {
            return fail(tooLarge("the function's output", output))
        }
        outcome = .completed(output: output)
    }

    mutating func fail(_ error: RunError) {
        if outcome == nil { outcome = .failed(error) }
    }

    func tooLarge(_ what: String, _ output: String) -> RunError {
        RunError(
            name: "OutputTooLarge",
            message: "\(what) has \(output.utf8.count) bytes; the limit is \(outputLimit). Store it elsewhere, and "
                + "return where it is",
            code: AppError.outputTooLarge)
    }

    /// A call failed as a whole: what it was for is tried again, or the run fails.
    mutating func callFailed(_ error: RunError, _ turn: Turn) {
        guard !turn.isLast(retries) else { return fail(error) }
        let retryAt = retryDate(turn)
        if case .step(let step) = turn.call.target {
            guard planned[step] != nil else { return }
            planned[step]?.failures += 1
            planned[step]?.notBefore = retryAt
            attempted(step, error, retryAt, turn)
        } else {
            streak += 1
            needsDiscovery = true
            discoveryNotBefore = retryAt
            attempted("", error, retryAt, turn)
        }
    }

    /// The function cannot be got on with.
    mutating func functionFailed(_ error: RunError, now: Date, random: Double) {
        fruitless = 0
        let call = RemoteCall(
            id: 0, target: .discovery, attempt: streak, version: state.version, plansOnly: false, memo: MemoSnapshot())
        let answer = CallAnswer(.failed(error, told: nil))
        callFailed(error, Turn(call: call, answer: answer, startedAt: now, now: now, random: random))
    }

    private mutating func attempted(_ step: String, _ error: RunError, _ retryAt: Date, _ turn: Turn) {
        let number = (attemptNumbers[step] ?? 0) + 1
        attemptNumbers[step] = number
        pending.attempts.append(
            RecordedAttempt(
                step: step, attempt: number, error: error, retryAt: retryAt, startedAt: turn.startedAt,
                endedAt: max(turn.now, lastMoment)))
    }

    private func retryDate(_ turn: Turn) -> Date {
        if let text = turn.answer.retryAfter, let date = AppDuration.retryAfter(text, from: turn.now) { return date }
        let delay = retries.delay(afterAttempt: turn.call.attempt + 1, random: turn.random)
        return turn.now.addingTimeInterval(delay / .seconds(1))
    }

    // MARK: Steps

    /// A step succeeded.
    mutating func succeeded(_ operation: Operation, _ turn: Turn) {
        let isSending = operation.options?["type"]?.string == "step.sendEvent"
        let output = operation.data.map { CanonicalJSON.text(of: $0) } ?? "null"
        ended(operation.id, named: operation.title, isSending ? .sendEvent : .run, output, turn, operation.duration)
    }

    private mutating func ended(
        _ step: String, named name: String?, _ kind: StepKind, _ output: String, _ turn: Turn, _ duration: Double? = nil
    ) {
        guard output.utf8.count <= outputLimit else {
            return failedForGood(step, named: name, kind, tooLarge("the output of the step", output), told: nil, turn)
        }
        record(
            RecordedStep(
                step: step, name: name, kind: kind, output: output, startedAt: turn.start(after: duration),
                endedAt: moment(turn.now), attempt: turn.call.attempt + 1))
        gotOn(with: step)
    }

    /// A step failed, for now or for good.
    mutating func failed(_ operation: Operation, _ turn: Turn) {
        let error = operation.error.map(AppError.read) ?? RunError(name: "Error", message: "the app told no error")
        let told = operation.error.map { CanonicalJSON.text(of: $0) }
        let isFinal = operation.code == .stepFailed || operation.error?["noRetry"]?.bool == true
        failed(operation.id, named: operation.title, .run, error, told: told, isFinal: isFinal, turn)
    }

    private mutating func failed(
        _ step: String, named name: String?, _ kind: StepKind, _ error: RunError, told: String?, isFinal: Bool,
        _ turn: Turn
    ) {
        guard !isFinal, !turn.isLast(retries) else {
            return failedForGood(step, named: name, kind, error, told: told, turn)
        }
        let retryAt = retryDate(turn)
        attempted(step, error, retryAt, turn)
        progress += 1
        if planned[step] != nil {
            planned[step]?.failures += 1
            planned[step]?.notBefore = retryAt
        } else {
            unasked = (step, (unasked?.step == step ? unasked?.failures ?? 0 : 0) + 1)
            state.retriesUnasked = true
            needsDiscovery = true
            discoveryNotBefore = retryAt
        }
    }

    private mutating func failedForGood(
        _ step: String, named name: String?, _ kind: StepKind, _ error: RunError, told: String?, _ turn: Turn
    ) {
        record(
            RecordedStep(
                step: step, name: name, kind: kind, status: .failed, output: told, error: error,
                startedAt: turn.startedAt, endedAt: moment(turn.now), attempt: turn.call.attempt + 1))
        gotOn(with: step)
    }

    /// A request that we made for the app has ended.
    private mutating func requested(_ request: GatewayRequest, for step: String, _ turn: Turn) {
        guard let plan = planned[step] else { return }
        switch turn.answer.content {
        case .completed(let output): ended(step, named: plan.name, request.kind, output, turn)
        case .failed(let error, let told):
            failed(step, named: plan.name, request.kind, error, told: told, isFinal: false, turn)
        case .operations: break
        }
    }
}

extension RemoteMachine.Turn {
    /// When a step began that took so long, as far as that fits what we know.
    fileprivate func start(after duration: Double?) -> Date {
        guard let duration, duration >= 0, duration.isFinite else { return startedAt }
        return max(startedAt, now.addingTimeInterval(-duration))
    }
}
