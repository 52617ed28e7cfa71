internal import PostgresClient

/// Whose runs a worker executes.
public enum ServedTenants: Sendable, Hashable {
    /// Those of the tenant that the worker's connection acts for: see `docs/tenants.md`.
    case connection
    /// Those of all tenants, also of tenants that come later. The app is then not one tenant's own: an event of any tenant
    /// starts its functions, and each run is for the tenant of its event. See ``Step/tenant``.
    case all

    /// The name that stands for all tenants, where one is to be named.
    static let nameOfAll = "*"

    /// How to connect for these.
    func database(_ database: PostgresConfiguration) -> PostgresConfiguration {
        guard self == .all else { return database }
        var database = database
        database.settings["nightjar.tenant"] = Self.nameOfAll
        return database
    }
}
