/// A step failed for good: its attempts are used up, it threw ``NonRetryableError``, or the function that it invoked
/// did not return.
///
/// Thrown at the first pass and at every replay alike, so it may be caught to
/// take another way. A function that lets it through fails.
public struct StepError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The step that failed; for the second, third … use of an id with `:1`, `:2` … after it.
    public let stepID: String
    /// The type of the error that its last attempt threw.
    public let name: String
    /// What that error says.
    public let message: String
    /// Set where the failure comes from Nightjar rather than from your code; see ``RunError/Code``.
    public let code: String?
    /// How many attempts were made.
    public let attempts: Int

    init(stepID: String, error: RunError, attempts: Int) {
        self.stepID = stepID
        self.name = error.name
        self.message = error.message
        self.code = error.code
        self.attempts = attempts
    }

    /// The error in one line.
    public var description: String {
        "step \"\(stepID)\" failed after \(attempts == 1 ? "1 attempt" : "\(attempts) attempts"): \(name): \(message)"
    }

    var runError: RunError { RunError(name: name, message: description, code: RunError.Code.stepFailed) }
}
