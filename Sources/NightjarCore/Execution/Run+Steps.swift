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

    func completed(_ execution: RunMachine.Execution, output: String) throws {
        let now = now
        try state.withLock { try $0.machine.completed(execution, output: output, now: now) }
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
