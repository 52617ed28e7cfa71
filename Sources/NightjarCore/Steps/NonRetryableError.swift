/// Throw it from a step or a function to fail at once, without further attempts.
public struct NonRetryableError: Error, CustomStringConvertible {
    /// What happened.
    public let message: String
    /// The error behind it.
    public let cause: (any Error)?

    /// Makes an error from a message and, if there is one, the error behind it.
    public init(_ message: String, cause: (any Error)? = nil) {
        self.message = message
        self.cause = cause
    }

    /// Wraps an error that another attempt cannot mend.
    public init(_ cause: any Error) {
        self.init(RunError(cause).message, cause: cause)
    }

    /// The error in one line.
    public var description: String { message }

    var runError: RunError {
        var error = cause.map { RunError($0) } ?? RunError(name: "NonRetryableError", message: message)
        error.message = ErrorText.storable(message)
        return error
    }
}
