import ArgumentParser
import Foundation
import LocalPostgres
import Logging
import Nightjar

/// `nightjar dev`
struct Dev: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Start a PostgreSQL server for development, migrate it, and keep it running.",
        discussion: """
            The server lives in .nightjar in the current directory, or in the one above it that has such a directory. \
            It listens on a Unix socket only, is kept between starts and stops with this command. While it runs, the \
            other subcommands find it from that directory and all below it, so that they need no --database.

            If a database is named (--database, the environment or nightjar.json), no server is started: that database \
            is migrated.

            The first SIGINT (Ctrl-C) or SIGTERM stops the server in good order, the second ends at once.

            EXAMPLES
              nightjar dev
              nightjar dev --directory ~/scratch/nightjar
              nightjar dev --json | jq -r .url
            """)

    @OptionGroup var options: DatabaseOptions

    @Option(help: ArgumentHelp("Where to keep the server.", valueName: "directory"))
    var directory: String?

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let signals = TerminationSignals()
        defer { withExtendedLifetime(signals) {} }
        if directory == nil, let setting = try options.configured() {
            try await serve(setting, signals)
        } else {
            try await serveOwn(signals)
        }
        return .success
    }

    private func serve(_ setting: DatabaseSetting, _ signals: TerminationSignals) async throws {
        let applied = try await Migrator(setting.named("dev"), logger: .quiet).migrate()
        let report = DevReport(server: nil, database: setting.configuration, origin: setting.origin, applied: applied)
        try report.write(asJSON: output.json)
        for await _ in signals.first { break }
    }

    private func serveOwn(_ signals: TerminationSignals) async throws {
        let server = try await DevelopmentServer.start(in: try developmentDirectory(), logger: .quiet)
        do {
            let applied = try await Migrator(server.configuration, logger: .quiet).migrate()
            let report = DevReport(
                server: server, database: server.configuration, origin: server.directory.path, applied: applied)
            try report.write(asJSON: output.json)
        } catch {
            try? await server.stop()
            throw error
        }
        for await _ in signals.first { break }
        if !output.json { Output.line("Stopping PostgreSQL …") }
        try await server.stop()
        if !output.json { Output.line("Stopped. The data stay in \(server.directory.path)") }
    }

    private func developmentDirectory() throws -> DevelopmentDirectory {
        let here = WorkingDirectory.current
        if let directory {
            return DevelopmentDirectory(url: URL(filePath: directory, directoryHint: .isDirectory, relativeTo: here))
        }
        return DevelopmentDirectory.find(from: here, configured: try options.file()?.directory)
            ?? DevelopmentDirectory(url: here.appending(path: DevelopmentDirectory.name, directoryHint: .isDirectory))
    }
}
