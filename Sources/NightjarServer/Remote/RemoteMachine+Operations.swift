internal import Foundation
internal import NightjarCore

// What follows from what a function has come to.
extension RemoteMachine {
    /// Takes up the operations of an answer.
    mutating func apply(_ operations: [Operation], _ turn: Turn) {
        let before = progress
        if operations.count(where: { !$0.isLazy }) > 1 { state.plansOnly = true }
        let wasUnasked = unasked?.step
        for operation in operations.filter(\.listens) + operations.filter({ !$0.listens }) {
            guard outcome == nil else { return }
            apply(operation, turn)
        }
        guard outcome == nil else { return }
        switch turn.call.target {
        case .step(let step): answeredStep(step, hasProgressed: progress > before, turn)
        case .discovery, .gateway:
            // The function came to something else than what it is to try again.
            if let wasUnasked, unasked?.step == wasUnasked, discoveryNotBefore == nil { forgetUnasked() }
        }
        if progress > before { fruitless = 0 }
    }

    private mutating func answeredStep(_ step: String, hasProgressed: Bool, _ turn: Turn) {
        guard let plan = planned[step], plan.call == nil, plan.notBefore ?? .distantPast <= turn.now else { return }
        if hasProgressed {
            // It came to something else instead: the plan is out of date.
            planned[step] = nil
            needsDiscovery = true
            return
        }
        let error = RunError(
            name: "StepNotFound",
            message: "the app was asked for one step and answered nothing about it; was the function changed?",
            code: AppError.invalidAnswer)
        callFailed(error, turn)
    }

    private mutating func apply(_ operation: Operation, _ turn: Turn) {
        switch operation.code {
        case .runComplete, .syncRunComplete:
            complete(operation.data.map { CanonicalJSON.text(of: $0) } ?? "null")
        case .none, .discoveryRequest, .deferAdd, .deferAbort:
            return
        default:
            guard !known.contains(operation.id), !claims.contains(where: { $0.claim.step == operation.id }) else {
                return
            }
            begin(operation, turn)
        }
    }

    private mutating func begin(_ operation: Operation, _ turn: Turn) {
        guard known.count < limits.steps else {
            return fail(
                RunError(
                    name: "InngestErrFunctionOverflowed",
                    message: "the run has more than \(limits.steps) steps; split the function, or do more in each step",
                    code: "InngestErrFunctionOverflowed"))
        }
        switch operation.code {
        case .step, .stepRun: succeeded(operation, turn)
        case .stepError, .stepFailed: failed(operation, turn)
        case .stepPlanned:
            guard planned[operation.id] == nil else { return }
            if unasked?.step == operation.id { forgetUnasked() }
            plan(operation.id, named: operation.title, isRacing: operation.isRacing)
            progress += 1
        case .gateway, .aiGateway: planRequest(operation, turn)
        case .sleep: sleep(operation, turn)
        case .waitForEvent: waitForEvent(operation, turn)
        case .waitForSignal: waitForSignal(operation, turn)
        case .invoke: invoke(operation, turn)
        case .none, .runComplete, .syncRunComplete, .discoveryRequest, .deferAdd, .deferAbort: break
        }
    }

    mutating func plan(
        _ step: String, named name: String? = nil, isRacing: Bool, gateway: GatewayRequest? = nil
    ) {
        plannedCount += 1
        let attempt = recalled.removeValue(forKey: step)
        planned[step] = Planned(
            order: plannedCount, isRacing: isRacing, failures: attempt?.attempt ?? 0, notBefore: attempt?.retryAt,
            gateway: gateway, name: name)
    }

    private mutating func planRequest(_ operation: Operation, _ turn: Turn) {
        guard planned[operation.id]?.gateway == nil else { return }
        do {
            let request = try GatewayRequest(operation)
            plan(operation.id, named: operation.title, isRacing: operation.isRacing, gateway: request)
            progress += 1
        } catch {
            let kind: StepKind = operation.code == .gateway ? .fetch : .infer
            record(
                RecordedStep(
                    step: operation.id, name: operation.title, kind: kind, status: .failed, error: error.runError,
                    startedAt: turn.startedAt, endedAt: moment(turn.now)))
            gotOn(with: operation.id)
        }
    }

    private mutating func forgetUnasked() {
        unasked = nil
        state.retriesUnasked = false
    }

    // MARK: Records

    /// The moment of the next record: no two are the same, so that their order survives being stored.
    mutating func moment(_ now: Date) -> Date {
        let (now, last) = (now.microseconds, lastMoment.microseconds)
        lastMoment = Date(timeIntervalSince1970: Double(max(now, last + 1)) / 1_000_000)
        return lastMoment
    }

    /// Records that a step is over, or that a sleep has begun.
    mutating func record(_ step: RecordedStep) {
        pending.steps.append(step)
        remember(step)
    }

    /// Takes a recorded step into account.
    mutating func remember(_ step: RecordedStep) {
        known.insert(step.step)
        let text = MemoCoding.text(step)
        stateBytes += text.utf8.count
        if step.kind == .sleep, let dueAt = step.dueAt { sleeping[step.step] = dueAt }
        memo.append(Memo(step: step.step, settledAt: max(step.endedAt, step.dueAt ?? step.endedAt), text: text))
        if stateBytes > limits.stateBytes {
            fail(
                RunError(
                    name: "InngestErrStateOverflowed",
                    message:
                        "the run's event and steps have more than \(limits.stateBytes) bytes together; store what is "
                        + "large elsewhere",
                    code: "InngestErrStateOverflowed"))
        }
    }

    /// A step is over: the function may come to something new.
    mutating func gotOn(with step: String) {
        progress += 1
        streak = 0
        fruitless = 0
        recalled[step] = nil
        if unasked?.step == step { forgetUnasked() }
        let plan = planned.removeValue(forKey: step)
        if plan == nil || plan?.isRacing == true || state.version < 2 || planned.isEmpty {
            needsDiscovery = true
            discoveryNotBefore = unasked == nil ? nil : discoveryNotBefore
        }
    }
}

extension Date {
    fileprivate var microseconds: Int64 { Int64((timeIntervalSince1970 * 1_000_000).rounded()) }
}
