import Foundation
import Nightjar

/// A database and who named it.
struct DatabaseSetting {
    var configuration: PostgresConfiguration
    /// What to look at when it is the wrong one.
    var origin: String

    init(configuration: PostgresConfiguration, origin: String) {
        self.configuration = configuration
        self.origin = origin
    }

    init(url: String, origin: String) throws {
        do { configuration = try PostgresConfiguration(url: url) } catch let error as PostgresError {
            throw CommandError(.usage, "\(origin): \(error.message)")
        }
        self.origin = origin
    }

    /// Nightjar's own variable, then the one that hosting platforms set, then libpq's.
    static func fromEnvironment(_ environment: [String: String]) throws -> DatabaseSetting? {
        for name in ["NIGHTJAR_DATABASE_URL", "DATABASE_URL"] {
            if let url = environment[name], !url.isEmpty { return try DatabaseSetting(url: url, origin: name) }
        }
        // PGPASSWORD or PGSSLMODE alone name no database.
        let names = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"]
        guard let name = names.first(where: { environment[$0]?.isEmpty == false }) else { return nil }
        return DatabaseSetting(configuration: .fromEnvironment(), origin: name)
    }

    /// Under a name by which `pg_stat_activity` tells it apart.
    func named(_ command: String) -> PostgresConfiguration {
        var configuration = configuration
        if configuration.applicationName == nil { configuration.applicationName = "nightjar \(command)" }
        return configuration
    }
}
