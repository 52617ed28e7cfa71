extension PostgresPool {
    /// How a pool behaves.
    public struct Configuration: Sendable {
        /// The number of connections, each with a thread; at least 1. They are opened when first needed.
        public var size: Int
        /// How many callers may wait for a connection; one more is refused with code `poolExhausted`.
        public var maximumWaiters: Int
        /// How long a caller waits for a connection, which includes waiting for a server that is down.
        public var waiterTimeout: Duration
        /// After how much idle time a connection is tested by a round trip before it is handed out.
        ///
        /// A connection that the server has closed is noticed without that.
        public var testsAfterIdle: Duration
        /// The pause after the first failed attempt to connect; doubles with each further one.
        public var reconnectDelay: Duration
        /// The longest pause between attempts to connect.
        public var maximumReconnectDelay: Duration
        /// The part of each pause that is random, from 0 to 1.
        public var reconnectJitter: Double
        /// The settings under which a connection is lent, asked for in the caller's task; those of the loan before are undone.
        package var lending: (@Sendable () -> [String: String])?

        /// Makes a configuration; the defaults suit a worker on a small machine.
        public init(
            size: Int = 4,
            maximumWaiters: Int = 1000,
            waiterTimeout: Duration = .seconds(30),
            testsAfterIdle: Duration = .seconds(30),
            reconnectDelay: Duration = .milliseconds(50),
            maximumReconnectDelay: Duration = .seconds(2),
            reconnectJitter: Double = 0.5
        ) {
            self.size = size
            self.maximumWaiters = maximumWaiters
            self.waiterTimeout = waiterTimeout
            self.testsAfterIdle = testsAfterIdle
            self.reconnectDelay = reconnectDelay
            self.maximumReconnectDelay = maximumReconnectDelay
            self.reconnectJitter = reconnectJitter
        }
    }
}
