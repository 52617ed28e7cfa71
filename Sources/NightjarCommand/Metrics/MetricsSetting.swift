import CoreMetrics
import Logging
import Nightjar
import NightjarMetrics

/// Where metrics are exposed, and what of them.
struct MetricsSetting: Equatable {
    var host = "127.0.0.1"
    var port: Int
    var byTenant = true
    var asksDatabase = true

    /// - Parameter text: `9464`, `0.0.0.0:9464` or `[::1]:9464`.
    init(_ text: String, origin: String, byTenant: Bool = true, asksDatabase: Bool = true) throws {
        let colon = text.lastIndex(of: ":")
        let number = colon.map { text[text.index(after: $0)...] } ?? text[...]
        guard let port = Int(number), (0...65_535).contains(port) else {
            throw CommandError(.usage, "\(origin) is a port, like 9464, or an address and a port, like 0.0.0.0:9464")
        }
        self.port = port
        if let colon {
            var host = text[..<colon]
            if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
            guard !host.isEmpty else {
                throw CommandError(.usage, "\(origin) has no address before the colon; give one, or only the port")
            }
            self.host = String(host)
        }
        self.byTenant = byTenant
        self.asksDatabase = asksDatabase
    }

    /// Begins to count, which has to be before anything else is made, and makes what exposes it.
    func endpoint(
        database: PostgresConfiguration, logger: Logger, onListening: @escaping @Sendable (String) async -> Void
    ) -> MetricsEndpoint {
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)
        var configuration = MetricsEndpoint.Configuration()
        configuration.host = host
        configuration.port = port
        configuration.byTenant = byTenant
        let name = host.contains(":") ? "[\(host)]" : host
        return MetricsEndpoint(
            registry, configuration: configuration, database: asksDatabase ? database : nil, logger: logger
        ) { port in
            await onListening("http://\(name):\(port)/metrics")
        }
    }
}
