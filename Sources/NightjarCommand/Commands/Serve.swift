import ArgumentParser
import Nightjar
import NightjarServer

/// `nightjar serve`
struct Serve: Subcommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve HTTP: events, the API, and apps in any language through Inngest's SDKs.",
        discussion: """
            Stateless: any number of these may run on one database, beside any number of 'nightjar work'. Runs of apps are \
            executed in this process too, unless --no-execute is given.

            Without any key the server is in dev mode: it takes every event key, verifies nothing, and listens to this \
            machine only. A signing key (from the environment or a file) opens the API and signs calls of apps; event \
            keys, which 'nightjar keys' makes, let others send events.

            The first SIGINT (Ctrl-C) or SIGTERM lets requests and steps in flight finish, the second ends at once.

            EXAMPLES
              nightjar serve
              nightjar serve --app http://localhost:3000/api/inngest
              NIGHTJAR_SIGNING_KEY=signkey-prod-… nightjar serve --host 0.0.0.0 --no-execute

              On the app's side:
              INNGEST_DEV=http://127.0.0.1:8288 python app.py                       # dev mode
              INNGEST_BASE_URL=https://nightjar.example.com INNGEST_SIGNING_KEY=… INNGEST_EVENT_KEY=… python app.py

            ENVIRONMENT
              NIGHTJAR_SIGNING_KEY, NIGHTJAR_SIGNING_KEY_FALLBACK, NIGHTJAR_EVENT_KEY (or INNGEST_…),
              NIGHTJAR_HOST, NIGHTJAR_PORT, NIGHTJAR_APPS (separated by commas), NIGHTJAR_TLS_CERTIFICATE, NIGHTJAR_TLS_KEY

            IN nightjar.json
              "host", "port", "apps", "signing_key_file", "tls_certificate", "tls_key"
            """)

    @OptionGroup var server: ServerOptions

    @OptionGroup var options: DatabaseOptions

    func execute() async throws -> ExitStatus {
        let signals = TerminationSignals()
        defer { withExtendedLifetime(signals) {} }
        let configuration = try server.configuration(try options.file(), isDevelopment: false)
        let logger = ServerOptions.logger(server.logLevel)
        let process = ServerProcess(
            database: try options.database().named("serve"), configuration: configuration, logger: logger
        ) { configuration, port in
            Output.line(ServeReport(configuration: configuration, port: port).text)
        }
        try await ServiceRunner.run(process, signals, logger: logger)
        return .success
    }
}
