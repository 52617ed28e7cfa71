import Foundation

extension RunMachine {
    /// One execution of a step's body.
    struct Execution: Sendable {
        let key: String
        let attempt: Int
        let startedAt: Date
    }

    /// What follows the failure of a step's body.
    enum Failure: Sendable {
        case again(Ticket)
        /// With what the branch has to wait for before it hears of it.
        case final(StepError, after: Ticket?)
    }

    /// A step's body has returned.
    ///
    /// - Returns: What the branch has to wait for before it goes on.
    mutating func completed(_ execution: Execution, output: String, now: Date) throws -> Ticket? {
        inFlight.remove(execution.key)
        try checkRunning()
        attempts[execution.key] = nil
        return settle(
            RecordedStep(
                step: execution.key, kind: .run, output: output, startedAt: execution.startedAt, endedAt: moment(now),
                attempt: execution.attempt))
    }

    /// A step's body has thrown.
    ///
    /// - Parameter isCancelled: Whether user code has cancelled the branch, so that the error says nothing.
    mutating func failed(
        _ execution: Execution, _ error: any Error, policy: RetryPolicy, isCancelled: Bool, random: Double, now: Date
    ) throws -> Failure {
        inFlight.remove(execution.key)
        try checkRunning()
        if isCancelled { throw error }
        if let error = error as? PermanentError {
            fail(error.runError)
            throw RunUnwinding()
        }
        let runError = RunError(error)
        guard execution.attempt <= min(policy.maxRetries, RetryPolicy.mostRetries),
            !(error is NonRetryableError || error is EventError)
        else {
            attempts[execution.key] = nil
            let ticket = settle(
                RecordedStep(
                    step: execution.key, kind: .run, status: .failed, error: runError,
                    startedAt: execution.startedAt, endedAt: moment(now), attempt: execution.attempt))
            return .final(
                StepError(stepID: execution.key, error: runError, attempts: execution.attempt), after: ticket)
        }
        let retryAt = policy.retryDate(after: error, attempt: execution.attempt, random: random, now: now)
        let attempt = RecordedAttempt(
            step: execution.key, attempt: execution.attempt, error: runError, retryAt: retryAt,
            startedAt: execution.startedAt, endedAt: now)
        pending.attempts.append(attempt)
        attempts[execution.key] = attempt
        return .again(register(execution.key, .retry(at: retryAt, attempt: execution.attempt + 1)))
    }
}

extension RetryPolicy {
    func retryDate(after error: any Error, attempt: Int, random: Double, now: Date) -> Date {
        if let error = error as? RetryAfter { return error.date(from: now) }
        return now.addingTimeInterval(delay(afterAttempt: attempt, random: random).seconds).storable(instead: now)
    }
}

extension Date {
    /// The date, or the nearest one with a year of four digits, which every database can hold.
    ///
    /// - Parameter replacement: What stands for a date that is not a number.
    func storable(instead replacement: Date) -> Date {
        if timeIntervalSince1970.isNaN { return replacement }
        return min(max(self, .distantPast), Date(timeIntervalSince1970: 253_402_300_799))
    }
}
