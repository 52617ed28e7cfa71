/// An event that cannot be what it is meant to be; the message says which, where and why.
public struct EventError: Error, Sendable, CustomStringConvertible {
    /// What is wrong.
    public let message: String

    init(_ message: String) { self.message = message }

    /// The error in one line.
    public var description: String { message }
}
