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
              nightjar serve --metrics 9464        # http://127.0.0.1:9464/metrics, for Prometheus
              NIGHTJAR_SIGNING_KEY=signkey-prod-… nightjar serve --host 0.0.0.0 --no-execute

              On the app's side:
              INNGEST_DEV=http://127.0.0.1:8288 python app.py                       # dev mode
              INNGEST_BASE_URL=https://nightjar.example.com INNGEST_SIGNING_KEY=… INNGEST_EVENT_KEY=… python app.py

            ENVIRONMENT
              NIGHTJAR_SIGNING_KEY, NIGHTJAR_SIGNING_KEY_FALLBACK, NIGHTJAR_EVENT_KEY (or INNGEST_…),
              NIGHTJAR_HOST, NIGHTJAR_PORT, NIGHTJAR_APPS (separated by commas), NIGHTJAR_TLS_CERTIFICATE, NIGHTJAR_TLS_KEY,
              NIGHTJAR_METRICS, NIGHTJAR_METRICS_TENANTS, NIGHTJAR_METRICS_DATABASE,
              NIGHTJAR_REPLICA_URL, NIGHTJAR_REPLICA_LAG

            IN nightjar.json
              "host", "port", "apps", "signing_key_file", "tls_certificate", "tls_key", "metrics", "metrics_tenants",
              "metrics_database", "replica", "replica_lag"
            """)

    @OptionGroup var server: ServerOptions

    @OptionGroup var metrics: MetricsOptions

    @OptionGroup var options: DatabaseOptions

    @OptionGroup var replica: ReplicaOptions

    func execute() async throws -> ExitStatus {
        let signals = TerminationSignals()
        defer { withExtendedLifetime(signals) {} }
        let file = try options.file()
        var configuration = try server.configuration(file, isDevelopment: false)
        let metrics = try metrics.setting(file)
        configuration.worker.metricsByTenant = metrics?.byTenant ?? false
        configuration.replica = try replica.setting(file)?.named("serve")
        configuration.replicaLag = try replica.maximumLag(file)
        let logger = ServerOptions.logger(server.logLevel)
        let database = try options.database().named("serve")
        let endpoint = metrics?.endpoint(database: database, logger: logger) { Output.line("Metrics are at \($0).") }
        let process = ServerProcess(
            database: database, configuration: configuration, logger: logger
        ) { configuration, port in
            Output.line(ServeReport(configuration: configuration, port: port).text)
        }
        try await ServiceRunner.run(process, beside: endpoint, signals, logger: logger)
        return .success
    }
}
