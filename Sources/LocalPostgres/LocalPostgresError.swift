/// Why a local server could not be started or stopped.
public struct LocalPostgresError: Error, Sendable, CustomStringConvertible {
    /// The kinds of failure; more may come, so a `switch` needs a `default`.
    public struct Code: Hashable, Sendable {
        private enum Kind {
            case notInstalled, directoryUnusable, alreadyRunning, startFailed, stopFailed, usage
        }

        private let kind: Kind

        /// No server binaries were found.
        public static let notInstalled = Code(kind: .notInstalled)
        /// The directory belongs to somebody else, holds something else or cannot be reached by the server's user.
        public static let directoryUnusable = Code(kind: .directoryUnusable)
        /// A server that somebody else started uses the directory.
        public static let alreadyRunning = Code(kind: .alreadyRunning)
        /// The server, or `initdb`, gave up.
        public static let startFailed = Code(kind: .startFailed)
        /// The server did not end in time.
        public static let stopFailed = Code(kind: .stopFailed)
        /// The call does not fit the state the server is in.
        public static let usage = Code(kind: .usage)
    }

    /// The kind of the failure.
    public var code: Code
    /// What happened and what to do about it.
    public var message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
