/// Why a run, a step or an attempt failed, as it is recorded.
public struct RunError: Codable, Sendable, Hashable, Error, CustomStringConvertible {
    /// The kind of error: for an error thrown by your code, the name of its type.
    public var name: String
    /// What happened, in words.
    public var message: String
    /// Set where Nightjar itself ended the run or refused something; see ``Code``.
    public var code: String?
    /// Where it happened, when the app that ran the function told us.
    public var stack: String?

    /// Makes an error. NUL characters are replaced, because the database cannot hold them.
    public init(name: String, message: String, code: String? = nil, stack: String? = nil) {
        self.name = ErrorText.storable(name)
        self.message = ErrorText.storable(message)
        self.code = code
        self.stack = stack.map(ErrorText.storable)
    }

    /// Describes an error thrown by user code.
    package init(_ error: any Error) {
        switch error {
        case let error as RunError: self = error
        case let error as PermanentError: self = error.runError
        case let error as StepError: self = error.runError
        case let error as NonRetryableError: self = error.runError
        case let error as RetryAfter: self = error.runError
        case let error as EventError:
            self.init(name: "EventError", message: error.message, code: RunError.Code.invalidEvent)
        default:
            self.init(name: "\(type(of: error))", message: ErrorText.message(of: error))
        }
    }

    /// The error in one line.
    public var description: String { "\(name): \(message)" }

    /// Tells apart the failures that come from Nightjar rather than from your code.
    public enum Code {
        /// A step failed for good and the function did not catch its error.
        public static let stepFailed = "step_failed"
        /// An attempt of a step took longer than its `timeout`.
        public static let stepTimeout = "step_timeout"
        /// The function does not fit what this run has recorded, as a rule because it was changed under way.
        public static let replayMismatch = "replay_mismatch"
        /// The event's data does not decode as the type that the function was declared with.
        public static let eventMismatch = "event_mismatch"
        /// A step's or the function's output cannot be stored: no valid JSON, too large, or with a NUL character.
        public static let invalidOutput = "invalid_output"
        /// An event to be sent has a name, id or data that is not allowed.
        public static let invalidEvent = "invalid_event"
        /// A step was used in a way that cannot work, such as inside another step.
        public static let misuse = "misuse"
        /// The function's code cancelled the branch of a wait or an invocation, as the end of a scope does.
        public static let withdrawn = "withdrawn"
        /// The invoked function's run was cancelled.
        public static let invokedCancelled = "invoked_cancelled"
        /// There is no function of the id that was invoked.
        public static let unknownFunction = "unknown_function"
        /// The invoked function took longer than the step's timeout.
        public static let invokeTimeout = "invoke_timeout"
    }
}
