public import Foundation
import Synchronization

/// Makes parts of a function durable: what a step did is recorded and not done again.
///
/// Use it in the function's own code, in `async let` and in task groups; not inside of another step, not in `Task {}`.
/// The ids name the steps across replays. An id used again, as in a loop, gets an index: `x`, `x:1`, `x:2` …
///
/// After a sleep, a retry or a crash the function runs again from its start, and steps that are recorded return what
/// they returned. So the way through the function must depend on its event and its steps alone; the time, a random
/// number or a request belongs inside a step. A replay that cannot be fitted to the record fails the run.
public struct Step: Sendable {
    let run: Run

    /// The run that is being executed.
    public var runID: UUID { run.id }

    /// The name of the tenant that the run is for, as it was when the worker first had one of its runs.
    public var tenant: String { run.tenant }

    /// The number of the tenant that the run is for, which stays when the tenant is renamed.
    public var tenantID: Int { run.tenantID }

    /// Executes `body` once and records its result; when the function is replayed, returns the recorded result.
    ///
    /// The body starts after everything before it is recorded. After a crash in the middle it is executed again, so
    /// what it does should bear repetition; ``StepContext/idempotencyKey`` helps. It is cancelled when the run is.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - retries: How often it is tried again when it throws; as the function says, when nil.
    ///   - timeout: The limit on one attempt; as the function says, when nil.
    ///   - body: The work. Its result is recorded as JSON.
    /// - Returns: What the body returned, now or in an earlier execution.
    /// - Throws: ``StepError`` when the step has failed for good.
    public func run<Output: Codable & Sendable>(
        _ id: String, retries: RetryPolicy? = nil, timeout: Duration? = nil,
        _ body: @escaping @Sendable () async throws -> Output
    ) async throws -> Output {
        try run.checkUse(of: id)
        var meeting = try run.meet { machine, now in
            try machine.meetRun(id, isCancelled: Task.isCancelled, now: now)
        }
        while true {
            switch meeting {
            case .recorded(let record):
                return try run.output(Output.self, of: record)
            case .passed:
                return try run.output(Output.self, of: nil)
            case .wait(let ticket):
                meeting = try await run.wait(ticket)
            case .start(let key, let attempt):
                let body = StepBody(
                    context: StepContext(
                        runID: run.id, tenant: run.tenant, tenantID: run.tenantID, stepID: key, attempt: attempt),
                    timeout: timeout ?? run.options.stepTimeout, limit: run.options.outputLimit, clock: run.clock,
                    work: body)
                let execution = RunMachine.Execution(key: key, attempt: attempt, startedAt: run.now)
                run.executing(1)
                let result = await body.execute()
                run.executing(-1)
                switch result {
                case .success((let output, let text)):
                    if let ticket = try run.completed(execution, output: text) { _ = try await run.wait(ticket) }
                    return output
                case .failure(let error):
                    switch try run.failed(execution, error, policy: retries ?? run.options.retries) {
                    case .again(let ticket): meeting = .wait(ticket)
                    case .final(let error, let ticket):
                        if let ticket { _ = try await run.wait(ticket) }
                        throw error
                    }
                }
            }
        }
    }

    /// Executes `body` once and records that it is done.
    ///
    /// See ``run(_:retries:timeout:_:)`` for everything else.
    @_disfavoredOverload  // It would accept a body that returns something, and lose it.
    public func run(
        _ id: String, retries: RetryPolicy? = nil, timeout: Duration? = nil,
        _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        let _: JSON = try await run(id, retries: retries, timeout: timeout) {
            try await body()
            return JSON.null
        }
    }
}

extension Run {
    func output<Output: Decodable>(_ type: Output.Type, of record: RecordedStep?) throws -> Output {
        if let record, record.isWithdrawn { throw CancellationError() }
        if let record, record.status == .failed {
            let error = record.error ?? RunError(name: "Error", message: "no error was recorded")
            throw StepError(stepID: record.step, error: error, attempts: record.attempt)
        }
        return try failing { try StepOutput.value(type, of: record) }
    }
}
