import ArgumentParser
import Nightjar
import NightjarServer

/// `nightjar work`
struct Work: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Execute the runs of apps in other languages, by calling them.",
        discussion: """
            Stateless: any number of these may run, on any machines from which the apps can be reached. 'nightjar serve' \
            does the same beside serving, unless it is told not to. Functions written in Swift are executed by workers of \
            their own.

            The first SIGINT (Ctrl-C) or SIGTERM lets calls in flight finish, the second ends at once.

            EXAMPLES
              nightjar work
              nightjar work --metrics 9464         # http://127.0.0.1:9464/metrics, for Prometheus
              NIGHTJAR_SIGNING_KEY=signkey-prod-… nightjar work --database postgres://…
            """)

    @Option(
        help: ArgumentHelp(
            "A file with the signing key, and a second line with the fallback key, if there is one.", valueName: "file")
    )
    var signingKeyFile: String?

    @Flag(help: "Let step.fetch and step.ai call private addresses.")
    var allowPrivateFetch = false

    @Option(help: "What is logged, to standard error.")
    var logLevel: LogLevel?

    @OptionGroup var metrics: MetricsOptions

    @OptionGroup var options: DatabaseOptions

    func execute() async throws -> ExitStatus {
        let signals = TerminationSignals()
        defer { withExtendedLifetime(signals) {} }
        var configuration = ServerConfiguration()
        configuration.allowsPrivateFetch = allowPrivateFetch
        let file = try options.file()
        configuration.keys.signing = try SigningKeySetting(file: signingKeyFile ?? file?.signingKeyFile).keys()
        let metrics = try metrics.setting(file)
        configuration.worker.metricsByTenant = metrics?.byTenant ?? false
        let logger = ServerOptions.logger(logLevel)
        let database = try options.database().named("work")
        let endpoint = metrics?.endpoint(database: database, logger: logger) { Output.line("Metrics are at \($0).") }
        try await ServiceRunner.run(
            WorkProcess(database: database, configuration: configuration, logger: logger), beside: endpoint, signals,
            logger: logger)
        return .success
    }
}
