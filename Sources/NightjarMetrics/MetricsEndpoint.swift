internal import Foundation
internal import Hummingbird
public import Logging
internal import NIOCore
public import Nightjar
public import ServiceLifecycle

/// Serves `GET /metrics` in Prometheus's text format, at an address and port of its own.
///
/// ```swift
/// let registry = PrometheusRegistry()
/// MetricsSystem.bootstrap(registry)
/// let worker = Worker(app: "blog", functions: [publishPost], database: database)
/// let metrics = MetricsEndpoint(registry, database: database)
/// try await worker.runUntilSignal(beside: [metrics])
/// ```
///
/// Whoever reaches the port may read: by default that is this machine only. Figures that come from the database are the
/// same whichever process asks; one process that exposes them is enough.
public struct MetricsEndpoint: Service {
    /// Where it listens, and what is told.
    public struct Configuration: Sendable {
        /// The address to listen at; others than this machine reach it only at another one.
        public var host = "127.0.0.1"
        /// The port to listen at; 0 takes any that is free.
        public var port = 9464
        /// Whether the figures of the database tell tenants apart. What a worker counts has a setting of its own,
        /// `WorkerConfiguration.metricsByTenant`.
        public var byTenant = true
        /// For how long the figures of the database are not asked again.
        public var databaseAge = Duration.seconds(5)

        /// The defaults.
        public init() {}
    }

    private let registry: PrometheusRegistry
    private let configuration: Configuration
    private let collector: DatabaseCollector?
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// Creates an endpoint. Nothing happens before ``run()``.
    /// - Parameters:
    ///   - registry: What the process counts; `MetricsSystem.bootstrap` was called with it.
    ///   - database: Where the schema is; nil: only what this process counts is told.
    ///   - onListening: Told the port once requests are taken.
    public init(
        _ registry: PrometheusRegistry, configuration: Configuration = Configuration(),
        database: PostgresConfiguration? = nil, logger: Logger = Logger(label: "nightjar.metrics"),
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.registry = registry
        self.configuration = configuration
        self.logger = logger
        self.onListening = onListening
        collector = database.map {
            DatabaseCollector(
                database: $0, byTenant: configuration.byTenant, maximumAge: configuration.databaseAge, logger: logger)
        }
    }

    /// Serves until the task is cancelled or a graceful shutdown has finished.
    ///
    /// - Throws: `NightjarError` when the port is in use.
    public func run() async throws {
        let router = Router()
        router.get("metrics") { [self] _, _ in
            Response(
                status: .ok, headers: [.contentType: PrometheusText.contentType],
                body: ResponseBody(byteBuffer: ByteBuffer(string: await text())))
        }
        let application = Application(
            router: router,
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: nil),
            onServerRunning: { [onListening] channel in await onListening(channel.localAddress?.port ?? 0) },
            logger: Logger(label: "nightjar.metrics") { _ in SwiftLogNoOpLogHandler() })
        do {
            try await application.run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            await collector?.close()
            throw NightjarError(
                .configuration,
                "the metrics' port \(configuration.port) of \(configuration.host) is in use; choose another one")
        } catch {
            await collector?.close()
            throw error
        }
        await collector?.close()
    }

    /// Everything in Prometheus's text format, for programs that serve it themselves.
    public func text() async -> String {
        PrometheusText.text(of: registry.families() + (await collector?.families() ?? []))
    }
}
