extension Step {
    /// Starts a run of another function of the same app and waits for its result, without occupying anything.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - function: The function.
    ///   - data: The data of the event that the run receives; a JSON object.
    ///   - output: The type that the function returns.
    ///   - timeout: How long to wait; more than zero, without end when nil. The invoked run goes on all the same.
    ///   - cancelsWithParent: Whether cancelling this run cancels the invoked one.
    /// - Returns: What the function returned, now or in an earlier execution.
    /// - Throws: ``StepError`` when the function failed, was cancelled (code `invoked_cancelled`), does not exist
    ///   (`unknown_function`) or took longer than `timeout` (`invoke_timeout`); `CancellationError` when the
    ///   surrounding branch is cancelled. Data that cannot be sent fails the run.
    public func invoke<Output: Decodable & Sendable>(
        _ id: String, _ function: FunctionDefinition, with data: some Encodable, as output: Output.Type,
        timeout: Duration? = nil, cancelsWithParent: Bool = true
    ) async throws -> Output {
        try await invoke(
            id, function.id, with: data, as: output, timeout: timeout, cancelsWithParent: cancelsWithParent)
    }

    /// Starts a run of the function with an id and waits for its result, without occupying anything.
    ///
    /// - Parameters:
    ///   - id: Names the step: 1 to 255 bytes.
    ///   - function: The function's id within its app.
    ///   - app: Its app; this function's own when nil.
    ///   - data: The data of the event that the run receives; a JSON object.
    ///   - output: The type that the function returns.
    ///   - timeout: How long to wait; more than zero, without end when nil. The invoked run goes on all the same.
    ///   - cancelsWithParent: Whether cancelling this run cancels the invoked one.
    /// - Returns: What the function returned, now or in an earlier execution.
    /// - Throws: ``StepError`` when the function failed, was cancelled (code `invoked_cancelled`), does not exist
    ///   (`unknown_function`) or took longer than `timeout` (`invoke_timeout`); `CancellationError` when the
    ///   surrounding branch is cancelled. Data that cannot be sent fails the run.
    public func invoke<Output: Decodable & Sendable>(
        _ id: String, _ function: String, app: String? = nil, with data: some Encodable, as output: Output.Type,
        timeout: Duration? = nil, cancelsWithParent: Bool = true
    ) async throws -> Output {
        let record = try await run.waitForArrival(id, .invoke) { key, now in
            if let problem = FunctionDefinition.problem(ofID: function) {
                throw PermanentError(code: RunError.Code.misuse, problem)
            }
            if let app, app.isEmpty || app.utf8.contains(0) {
                throw PermanentError(code: RunError.Code.misuse, "the name of an app must have a character and no NUL")
            }
            let invocation = Invocation(
                app: app, function: function, dataJSON: try NewEvent.invocationData(data),
                cancelsWithParent: cancelsWithParent)
            return OpenStep(
                step: key, kind: .invoke, invocation: invocation,
                dueAt: try OpenStep.dueAt(after: timeout ?? Self.longestInvocation, now: now), startedAt: now)
        }
        return try run.output(output, of: record)
    }

    /// Ten years stand for no timeout.
    private static let longestInvocation = Duration.seconds(10 * 365 * 86_400)
}

extension NewEvent {
    /// Encodes the data of the event that an invoked function receives.
    fileprivate static func invocationData(_ data: some Encodable) throws(PermanentError) -> String {
        let text: String
        do {
            text = try JSONCoding.text(data)
        } catch {
            throw refusal("cannot be written as JSON: \(CodingFailure.text(error))")
        }
        if let problem = problem(ofData: text) { throw refusal(problem) }
        if JSONText.containsNUL(text) {
            throw refusal("contains a NUL character, which PostgreSQL cannot store; remove it")
        }
        return text
    }

    private static func refusal(_ problem: String) -> PermanentError {
        PermanentError(code: RunError.Code.invalidEvent, "the data \(problem)")
    }
}
