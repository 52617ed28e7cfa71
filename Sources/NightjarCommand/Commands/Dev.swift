import ArgumentParser
import Foundation
import LocalPostgres
import Logging
import Nightjar
import NightjarServer

/// `nightjar dev`
struct Dev: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Start a PostgreSQL server for development, migrate it, and serve HTTP.",
        discussion: """
            The server lives in .nightjar in the current directory, or in the one above it that has such a directory. \
            It listens on a Unix socket only, is kept between starts and stops with this command. While it runs, the \
            other subcommands find it from that directory and all below it, so that they need no --database.

            If a database is named (--database, the environment or nightjar.json), no server is started: that database \
            is migrated.

            HTTP is served at http://127.0.0.1:8288, as by 'nightjar serve', without keys and for this machine only: point \
            an app with one of Inngest's SDKs at it with INNGEST_DEV=1, and tell where the app is with --app.

            The first SIGINT (Ctrl-C) or SIGTERM stops the server in good order, the second ends at once.

            EXAMPLES
              nightjar dev
              nightjar dev --app http://localhost:3000/api/inngest
              nightjar dev --no-serve
              nightjar dev --directory ~/scratch/nightjar
              nightjar dev --json | jq -r .url
            """)

    @OptionGroup var options: DatabaseOptions

    @Option(help: ArgumentHelp("Where to keep the server.", valueName: "directory"))
    var directory: String?

    @Flag(help: "Serve no HTTP.")
    var noServe = false

    @OptionGroup var server: ServerOptions

    @OptionGroup var metrics: MetricsOptions

    @OptionGroup var output: OutputOptions

    func execute() async throws -> ExitStatus {
        let signals = TerminationSignals()
        defer { withExtendedLifetime(signals) {} }
        if directory == nil, let setting = try options.configured() {
            let applied = try await Migrator(setting.named("dev"), logger: .quiet).migrate()
            try await serve(
                DevReport(server: nil, database: setting.configuration, origin: setting.origin, applied: applied),
                signals)
        } else {
            try await serveOwn(signals)
        }
        return .success
    }

    private func serveOwn(_ signals: TerminationSignals) async throws {
        let server = try await DevelopmentServer.start(in: try developmentDirectory(), logger: .quiet)
        do {
            let applied = try await Migrator(server.configuration, logger: .quiet).migrate()
            try await serve(
                DevReport(
                    server: server, database: server.configuration, origin: server.directory.path, applied: applied),
                signals)
        } catch {
            try? await server.stop()
            throw error
        }
        if !output.json { Output.line("Stopping PostgreSQL …") }
        try await server.stop()
        if !output.json { Output.line("Stopped. The data stay in \(server.directory.path)") }
    }

    /// Reports once everything is ready, and ends with the first signal.
    private func serve(_ report: DevReport, _ signals: TerminationSignals) async throws {
        guard !noServe else {
            try report.write(asJSON: output.json)
            for await _ in signals.first { break }
            return
        }
        let file = try options.file()
        var configuration = try server.configuration(file, isDevelopment: true)
        let metrics = try metrics.setting(file)
        configuration.worker.metricsByTenant = metrics?.byTenant ?? false
        let logger = ServerOptions.logger(server.logLevel)
        var database = report.database
        if database.applicationName == nil { database.applicationName = "nightjar dev" }
        let endpoint = metrics?.endpoint(database: database, logger: logger) { [json = output.json] in
            if !json { Output.line("Metrics are at \($0).") }
        }
        let process = ServerProcess(database: database, configuration: configuration, logger: logger) {
            [json = output.json] configuration, port in
            var report = report
            report.http = ServeReport(configuration: configuration, port: port)
            do { try report.write(asJSON: json) } catch { Output.error("\(error)") }
        }
        try await ServiceRunner.run(process, beside: endpoint, signals, logger: logger)
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
