/// Where the server is and how to talk to it, in libpq's own keywords.
///
/// What is given neither here nor in the standard `PG*` environment variables gets defaults that suit a program
/// that runs unattended: a dead peer is noticed, no statement, lock or idle transaction lasts for ever.
public struct PostgresConfiguration: Sendable {
    /// libpq's connection keywords: `host`, `port`, `dbname`, `user`, `password`, `sslmode`, `options` and so on.
    public var keywords: [String: String]

    /// Run-time parameters of the server, sent when connecting; `statement_timeout`: `30s` for example.
    ///
    /// Defaults: `statement_timeout` 60s, `lock_timeout` 10s, `idle_in_transaction_session_timeout` 60s. The
    /// formats of dates, numbers and binary strings are fixed, because decoding depends on them.
    public var settings: [String: String] = [:]

    /// The name shown in `pg_stat_activity`; at most 63 bytes.
    public var applicationName: String? {
        get { keywords["application_name"] }
        set { keywords["application_name"] = newValue }
    }

    /// Takes keywords as they are; what is missing is read from the environment when connecting.
    public init(keywords: [String: String] = [:]) {
        self.keywords = keywords
    }

    /// Reads a connection string, `postgresql://user@host/database?sslmode=require` or `host=… dbname=…`.
    ///
    /// - Throws: ``PostgresError`` with code `configuration`, which says what is wrong without quoting a password.
    public init(url: String) throws {
        keywords = try ConnectionString.parse(url)
    }

    /// The configuration in which everything comes from the standard `PG*` environment variables.
    public static func fromEnvironment() -> PostgresConfiguration {
        PostgresConfiguration()
    }
}

extension PostgresConfiguration: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The keywords in alphabetical order, without passwords.
    public var description: String {
        let shown = keywords.filter { !Self.isSecret($0.key) }.sorted { $0.key < $1.key }
        return shown.isEmpty ? "from the environment" : shown.map { "\($0.key)=\($0.value)" }.joined(separator: " ")
    }

    /// The same as `description`.
    public var debugDescription: String { description }

    /// Shows `dump` and debuggers no more than `description`.
    public var customMirror: Mirror { Mirror(self, children: ["keywords": description]) }

    private static func isSecret(_ keyword: String) -> Bool {
        ["password", "secret", "_key"].contains { keyword.contains($0) }
    }
}
