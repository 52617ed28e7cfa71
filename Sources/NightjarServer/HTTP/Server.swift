internal import Foundation
internal import Hummingbird
internal import HummingbirdCore
internal import HummingbirdTLS
internal import NIOCore
internal import NIOSSL
internal import Nightjar
internal import ServiceLifecycle

/// The HTTP server. Stateless: any number of them may run beside any number of workers.
///
/// It is a `Service`: when it is told to shut down it takes no more connections, finishes the requests in flight and ends.
package struct Server: Service {
    let services: ServerServices
    /// What is answered; routes that clash are an error of the program.
    var groups: [any RouteGroup]
    /// Told the port once requests are taken.
    var onListening: @Sendable (Int) async -> Void

    package init(services: ServerServices, onListening: @escaping @Sendable (Int) async -> Void = { _ in }) {
        self.init(services: services, groups: services.groups, onListening: onListening)
    }

    init(
        services: ServerServices, groups: [any RouteGroup],
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.services = services
        self.groups = groups
        self.onListening = onListening
    }

    /// Listens until the task is cancelled or a graceful shutdown has finished.
    package func run() async throws {
        let configuration = services.configuration
        let application = Application(
            router: router(),
            server: try builder(),
            configuration: ApplicationConfiguration(
                address: .hostname(configuration.host, port: configuration.port), serverName: nil, backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    configuration.connectionLimit, logger: services.logger)),
            onServerRunning: { [onListening] channel in await onListening(channel.localAddress?.port ?? 0) },
            logger: services.logger)
        do { try await application.run() } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw NightjarError(
                .configuration,
                "port \(configuration.port) of \(configuration.host) is in use: by another 'nightjar', perhaps; "
                    + "end that, or choose another with --port")
        }
    }

    private func router() -> Router<ServerContext> {
        let router = Router(context: ServerContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: MetricsMiddleware())
        router.add(middleware: AccessMiddleware(services.configuration))
        router.add(middleware: CrossOriginMiddleware())
        router.add(middleware: FailureMiddleware())
        router.add(middleware: AuthenticationMiddleware(services))
        router.add(middleware: BodyMiddleware(configuration: services.configuration))
        for group in groups { group.add(to: router) }
        MethodNotAllowed.add(to: router)
        return router
    }

    private func builder() throws -> HTTPServerBuilder {
        let configuration = services.configuration
        let http = HTTPServerBuilder.http1(
            configuration: .init(
                additionalChannelHandlers: [ParserErrorHandler()],
                idleTimeout: TimeAmount(configuration.idleTimeout),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: configuration.headerLimit, maxHeaderListSize: configuration.headerLimit,
                    maxHeaderFieldCount: 200)))
        guard let tls = configuration.tls else { return http }
        let chain = try NIOSSLCertificate.fromPEMFile(tls.certificates)
        let key = try NIOSSLPrivateKey(file: tls.privateKey, format: .pem)
        return try .tls(
            http,
            tlsConfiguration: .makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
    }
}
