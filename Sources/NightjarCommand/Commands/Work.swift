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

    @OptionGroup var options: DatabaseOptions

    func execute() async throws -> ExitStatus {
        let signals = TerminationSignals()
        defer { withExtendedLifetime(signals) {} }
        var configuration = ServerConfiguration()
        configuration.allowsPrivateFetch = allowPrivateFetch
        configuration.keys.signing = try SigningKeySetting(file: signingKeyFile ?? options.file()?.signingKeyFile)
            .keys()
        let logger = ServerOptions.logger(logLevel)
        try await ServiceRunner.run(
            WorkProcess(database: try options.database().named("work"), configuration: configuration, logger: logger),
            signals, logger: logger)
        return .success
    }
}
