/// The work of a step, to be executed away from the run's executor.
struct StepBody<Output: Encodable & Sendable>: Sendable {
    let context: StepContext
    let timeout: Duration?
    /// The limit on the output, in bytes.
    let limit: Int
    let clock: RunClock
    let work: @Sendable () async throws -> Output

    /// Executes the work in the calling task, so that it is cancelled with its branch and keeps its task-locals.
    ///
    /// - Returns: The output and its JSON text.
    func execute() async -> Result<(Output, String), any Error> {
        await withTaskExecutorPreference(globalConcurrentExecutor) {
            do {
                let output = try await StepContext.$task.withValue(context) { try await limited() }
                return .success((output, try StepOutput.text(output, of: "step \"\(context.stepID)\"", limit: limit)))
            } catch {
                return .failure(error)
            }
        }
    }

    private enum Finish: Sendable {
        case work(Output)
        case timer(isOver: Bool)
    }

    private func limited() async throws -> Output {
        guard let timeout else { return try await work() }
        return try await withThrowingTaskGroup(of: Finish.self) { group in
            group.addTask { .work(try await work()) }
            // A timer that is cancelled says nothing; the work decides how it ends then.
            group.addTask { .timer(isOver: (try? await clock.sleep(timeout)) != nil) }
            defer { group.cancelAll() }
            while let finish = try await group.next() {
                switch finish {
                case .work(let output): return output
                case .timer(isOver: true): throw timeoutError(timeout)
                case .timer(isOver: false): continue
                }
            }
            throw timeoutError(timeout)
        }
    }

    private func timeoutError(_ timeout: Duration) -> RunError {
        RunError(
            name: "StepTimeout",
            message: "attempt \(context.attempt) of step \"\(context.stepID)\" took longer than its timeout of "
                + "\(timeout.seconds) s",
            code: RunError.Code.stepTimeout)
    }
}
