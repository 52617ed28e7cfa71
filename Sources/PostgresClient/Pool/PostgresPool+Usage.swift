extension PostgresPool {
    /// How a pool is used at one moment.
    public struct Usage: Sendable, Hashable {
        /// How many connections it may have.
        public var size: Int
        /// How many of them callers have at the moment.
        public var inUse: Int
        /// How many callers wait for one.
        public var waiting: Int
    }

    /// How the pool is used right now.
    public var usage: Usage {
        let load = slots.load
        return Usage(size: configuration.size, inUse: load.inUse, waiting: load.waiting)
    }
}
