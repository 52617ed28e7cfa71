/// A message of the server that is no failure, as from `RAISE NOTICE`.
public struct PostgresNotice: Sendable, Hashable {
    /// `NOTICE`, `WARNING`, `INFO`, `LOG` or `DEBUG`, never translated.
    public var severity: String
    /// The message.
    public var message: String
    /// Its code.
    public var sqlState: SQLState?
}
