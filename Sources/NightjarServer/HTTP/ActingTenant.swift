internal import Nightjar

/// For which tenant a request acts, where that is not the tenant of the server's connections.
///
/// Bound to the task of the request and read by the server's pools, so that no handler can forget it: whatever is asked of the
/// database is asked in the name of that tenant. What stores events says for each which tenant it is of, since those of several
/// requests share a statement.
enum ActingTenant {
    @TaskLocal static var current: Int32?

    /// The settings under which connections are lent.
    static var settings: [String: String] { current.map { ["nightjar.tenant": "\($0)"] } ?? [:] }
}

extension PostgresPool.Configuration {
    /// The same, for pools with which requests are served.
    var forRequests: Self {
        var configuration = self
        configuration.lending = { ActingTenant.settings }
        return configuration
    }
}
