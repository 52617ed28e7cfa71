extension PostgresError {
    /// The kinds of failure; more may come, so a `switch` needs a `default`.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private enum Kind: String {
            case configuration, connectionFailed, connectionLost, server, cancelled, poolExhausted, poolClosed
            case encoding, decoding, usage, commitOutcomeUnknown, transactionAborted
        }

        private let kind: Kind

        /// The name of the code.
        public var description: String { kind.rawValue }

        /// The connection string or a setting is wrong.
        public static let configuration = Code(kind: .configuration)
        /// No connection could be opened.
        public static let connectionFailed = Code(kind: .connectionFailed)
        /// An open connection broke; what was not committed is rolled back.
        public static let connectionLost = Code(kind: .connectionLost)
        /// The connection broke while `COMMIT` was under way: nobody knows whether it took place.
        public static let commitOutcomeUnknown = Code(kind: .commitOutcomeUnknown)
        /// The server refused a statement; see `sqlState`.
        public static let server = Code(kind: .server)
        /// The statement was ended, or not begun, because the Swift task was cancelled.
        ///
        /// Seen inside a body only: a cancelled call to a pool or session throws `CancellationError`.
        public static let cancelled = Code(kind: .cancelled)
        /// No connection came free in time, or too many callers wait already.
        public static let poolExhausted = Code(kind: .poolExhausted)
        /// The pool or session was closed.
        public static let poolClosed = Code(kind: .poolClosed)
        /// A Swift value has no form in PostgreSQL.
        public static let encoding = Code(kind: .encoding)
        /// A value from PostgreSQL has no form in the Swift type asked for.
        public static let decoding = Code(kind: .decoding)
        /// The caller used the client in a way it does not support.
        public static let usage = Code(kind: .usage)
        /// The body returned although a statement in its transaction had failed, so nothing could be committed.
        public static let transactionAborted = Code(kind: .transactionAborted)
    }
}
