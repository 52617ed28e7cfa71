import Foundation
import Synchronization

/// What ``Step`` calls, always on the run's executor.
extension Run {
    /// Refuses a step that is used where it cannot work.
    func checkUse(of id: String) throws {
        if let outer = StepContext.task, outer.runID == self.id {
            throw PermanentError(
                code: RunError.Code.misuse,
                "step \"\(id)\" was used inside step \"\(outer.stepID)\"; steps cannot be nested. "
                    + "End the outer step first, or do the work without a step of its own")
        }
        guard isCurrent else {
            try state.withLock { if case .over = $0.machine.phase { try $0.machine.checkRunning() } }
            throw PermanentError(
                code: RunError.Code.misuse,
                "step \"\(id)\" was used outside the function's own tasks, as in Task {} or Task.detached {}; "
                    + "for parallel steps use async let or a task group")
        }
    }

    /// Asks what happens with a step that user code has come to.
    func meet(_ ask: (inout RunMachine, Date) throws -> RunMachine.Meeting) throws -> RunMachine.Meeting {
        let now = now
        return try state.withLock { state in
            let meeting = try ask(&state.machine, now)
            if case .start = meeting { state.expected += 1 }
            return meeting
        }
    }

    /// Waits until the driver lets a branch go on.
    func wait(_ ticket: RunMachine.Ticket) async throws -> RunMachine.Meeting {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let answer: Result<RunMachine.Meeting, any Error>? = state.withLock { state in
                    if let meeting = state.early.removeValue(forKey: ticket) { return .success(meeting) }
                    if state.machine.waits[ticket] != nil {
                        state.branches[ticket] = continuation
                        return nil
                    }
                    if case .running = state.machine.phase { return .failure(CancellationError()) }
                    return .failure(RunUnwinding())
                }
                if let answer { continuation.resume(with: answer) }
            }
        } onCancel: {
            let branch = state.withLock { state in
                state.machine.cancel(ticket) ? state.branches.removeValue(forKey: ticket) : nil
            }
            branch?.resume(throwing: CancellationError())
        }
    }

    /// Waits for what is to come for an open step.
    ///
    /// - Parameter opening: Describes the step when it begins, with its key and the moment. What it throws fails the run.
    func waitForArrival(
        _ id: String, _ kind: StepKind, opening: (_ key: String, _ now: Date) throws -> OpenStep
    ) async throws -> RecordedStep? {
        try checkUse(of: id)
        var meeting = try failing {
            try meet { machine, now in
                try machine.meetOpen(id, kind, isCancelled: Task.isCancelled, now: now) { key in
                    do {
                        return try opening(key, now)
                    } catch {
                        let code = (error as? PermanentError)?.runError.code ?? RunError.Code.misuse
                        let reason = (error as? EventExpression.SyntaxError)?.summary ?? "\(error)"
                        throw PermanentError(code: code, "\(kind.name) \"\(key)\": \(reason)")
                    }
                }
            }
        }
        while case .wait(let ticket) = meeting {
            do {
                meeting = try await wait(ticket)
            } catch let error as CancellationError {
                let now = now
                try state.withLock { try $0.machine.withdraw(ticket, now: now) }
                throw error
            }
        }
        guard case .recorded(let record) = meeting else { return nil }
        return record
    }

    /// Makes a permanent error the run's end, whatever user code does about it: who swallows it would take a way that
    /// fits no record.
    func failing<Value>(_ work: () throws -> Value) throws -> Value {
        do {
            return try work()
        } catch let error as PermanentError {
            try state.withLock { state in
                guard case .running = state.machine.phase else { throw error }
                state.machine.fail(error.runError)
            }
            throw RunUnwinding()
        }
    }

    func completed(_ execution: RunMachine.Execution, output: String) throws -> RunMachine.Ticket? {
        let now = now
        return try state.withLock { try $0.machine.completed(execution, output: output, now: now) }
    }

    func failed(
        _ execution: RunMachine.Execution, _ error: any Error, policy: RetryPolicy
    ) throws -> RunMachine.Failure {
        let (now, random, isCancelled) = (now, random(), Task.isCancelled)
        return try state.withLock { state in
            try state.machine.failed(
                execution, error, policy: policy, isCancelled: isCancelled, random: random, now: now)
        }
    }
}
