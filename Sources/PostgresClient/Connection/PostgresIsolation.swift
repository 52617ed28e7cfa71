/// How much a transaction sees of concurrent ones.
public enum PostgresIsolation: String, Sendable, Hashable, CaseIterable {
    /// Every statement sees what was committed before it began.
    case readCommitted = "READ COMMITTED"
    /// All statements see what was committed before the first one; conflicting updates fail with 40001.
    case repeatableRead = "REPEATABLE READ"
    /// As if transactions ran one after the other; fails with 40001 where that cannot be had.
    case serializable = "SERIALIZABLE"
}
