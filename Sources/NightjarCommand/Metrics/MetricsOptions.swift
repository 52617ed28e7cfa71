import ArgumentParser
import CoreMetrics
import Foundation
import Logging
import Nightjar
import NightjarMetrics

/// The options by which long-lived commands expose metrics.
struct MetricsOptions: ParsableArguments {
    @Option(
        name: .customLong("metrics"),
        help: ArgumentHelp(
            "Serve metrics for Prometheus at this port of 127.0.0.1, or of another address; 0 takes any that is free. "
                + "Without it there are none.", valueName: "[address:]port"))
    var place: String?

    @Option(name: .customLong("metrics-tenants"), help: "Whether metrics tell tenants apart.")
    var tenants: Switch?

    @Option(
        name: .customLong("metrics-database"),
        help: "Whether metrics tell of the queues and the server, too; one process that does is enough.")
    var database: Switch?

    /// On, unless it is said.
    enum Switch: String, ExpressibleByArgument, CaseIterable {
        case on, off
    }
}

extension MetricsOptions {
    /// What is to be exposed; nil: nothing. Flags come first, then the environment, then the file.
    func setting(
        _ file: ConfigurationFile?, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> MetricsSetting? {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func chosen(_ flag: Switch?, _ name: String, _ inFile: String?, _ key: String) throws -> Bool {
            if let flag { return flag == .on }
            let (text, origin) =
                variable(name).map { ($0, name) } ?? inFile.map { ($0, "\(file?.path ?? ""): \"\(key)\"") }
                ?? ("on", "")
            guard let value = Switch(rawValue: text) else {
                throw CommandError(.usage, "\(origin) is on or off, not '\(text)'")
            }
            return value == .on
        }
        let place: (text: String, origin: String)? =
            place.map { ($0, "--metrics") } ?? variable("NIGHTJAR_METRICS").map { ($0, "NIGHTJAR_METRICS") }
            ?? file?.metrics.map { ($0, "\(file?.path ?? ""): \"metrics\"") }
        let byTenant = try chosen(tenants, "NIGHTJAR_METRICS_TENANTS", file?.metricsTenants, "metrics_tenants")
        let asksDatabase = try chosen(database, "NIGHTJAR_METRICS_DATABASE", file?.metricsDatabase, "metrics_database")
        guard let place else { return nil }
        return try MetricsSetting(place.text, origin: place.origin, byTenant: byTenant, asksDatabase: asksDatabase)
    }
}
