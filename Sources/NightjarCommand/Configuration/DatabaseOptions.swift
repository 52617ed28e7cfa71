import ArgumentParser
import Foundation
import Logging
import Nightjar

/// The options by which every subcommand finds its database.
struct DatabaseOptions: ParsableArguments {
    @Option(
        name: .customLong("database"),
        help: ArgumentHelp(
            "Where the database is; see 'nightjar --help' for the other ways to say so.", valueName: "url"))
    var url: String?

    @Option(help: ArgumentHelp("A configuration file instead of ./nightjar.json.", valueName: "file"))
    var config: String?

    /// The database, or an error that says how to name one.
    func database() throws -> DatabaseSetting {
        if let setting = try configured() { return setting }
        let here = WorkingDirectory.current
        guard let directory = DevelopmentDirectory.find(from: here, configured: try file()?.directory) else {
            throw CommandError(
                .unavailable,
                "no database is known: give --database, set NIGHTJAR_DATABASE_URL, write \"database\" into nightjar.json, "
                    + "or start a server with 'nightjar dev' in this directory")
        }
        return try directory.setting()
    }

    /// The database that somebody chose; nil when nobody did.
    func configured() throws -> DatabaseSetting? {
        if let url { return try DatabaseSetting(url: url, origin: "--database") }
        if let setting = try DatabaseSetting.fromEnvironment(ProcessInfo.processInfo.environment) { return setting }
        guard let file = try file(), let url = file.database else { return nil }
        return try DatabaseSetting(url: url, origin: file.path)
    }

    func file() throws -> ConfigurationFile? {
        try ConfigurationFile.read(named: config, in: WorkingDirectory.current)
    }
}

extension DatabaseOptions {
    /// Lends a reader of the standby, if there is one that may be asked, else of the database, and closes it.
    func withReports<T>(
        _ command: String, preferring replica: ReplicaOptions, _ body: (Reports) async throws -> T
    ) async throws -> T {
        let file = try file()
        guard let setting = try replica.setting(file) else { return try await withReports(command, body) }
        let lag = try replica.maximumLag(file)
        let reports = Reports(database: setting.named(command), logger: .quiet)
        do {
            guard let problem = await reports.problem(maximumLag: lag) else {
                let result = try await body(reports)
                await reports.close()
                return result
            }
            Output.error("the replica of \(setting.origin) is not asked: \(problem). The database itself answers.")
        } catch {
            await reports.close()
            throw error
        }
        await reports.close()
        return try await withReports(command, body)
    }

    /// Lends a reader of the database, and closes it.
    func withReports<T>(_ command: String, _ body: (Reports) async throws -> T) async throws -> T {
        let reports = Reports(database: try database().named(command), logger: .quiet)
        do {
            let result = try await body(reports)
            await reports.close()
            return result
        } catch {
            await reports.close()
            throw error
        }
    }
}
