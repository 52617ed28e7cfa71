import ArgumentParser
import Foundation
import Logging
import NightjarServer

/// The options of commands that serve HTTP.
struct ServerOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The address to listen at.", valueName: "address"))
    var host: String?

    @Option(help: ArgumentHelp("The port to listen at; 0 takes any that is free.", valueName: "port"))
    var port: Int?

    @Option(
        name: .customLong("app"),
        help: ArgumentHelp(
            "Where an app is, to be synced at the start and when it comes back; may be given several times.",
            valueName: "url"))
    var apps: [String] = []

    @Option(
        help: ArgumentHelp(
            "A file with the signing key, and a second line with the fallback key, if there is one.", valueName: "file")
    )
    var signingKeyFile: String?

    @Option(
        name: .customLong("event-key"),
        help: ArgumentHelp(
            "A key that may send events; may be given several times. Others see it in the list of processes: prefer "
                + "'nightjar keys create', or NIGHTJAR_EVENT_KEY.", valueName: "key"))
    var eventKeys: [String] = []

    @Option(help: ArgumentHelp("The certificate chain for TLS, in a PEM file.", valueName: "file"))
    var tlsCertificate: String?

    @Option(help: ArgumentHelp("The private key of the certificate, in a PEM file.", valueName: "file"))
    var tlsKey: String?

    @Option(help: ArgumentHelp("The megabytes that the body of a request may have.", valueName: "MB"))
    var bodyLimit: Int?

    @Flag(help: "Do not execute runs of apps in this process; 'nightjar work' does it elsewhere.")
    var noExecute = false

    @Flag(help: "Let step.fetch and step.ai call private addresses.")
    var allowPrivateFetch = false

    @Option(help: "What is logged, to standard error.")
    var logLevel: LogLevel?
}

extension ServerOptions {
    /// Settings in the order of what counts: flags, the environment, the file.
    func configuration(_ file: ConfigurationFile?, isDevelopment: Bool) throws -> ServerConfiguration {
        let environment = ProcessInfo.processInfo.environment
        func setting(_ names: String...) -> String? { names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty } }
        var configuration = ServerConfiguration()
        configuration.host = host ?? setting("NIGHTJAR_HOST") ?? file?.host ?? configuration.host
        configuration.port =
            try port ?? setting("NIGHTJAR_PORT").map { try Self.port($0, "NIGHTJAR_PORT") } ?? file?.port
            ?? configuration.port
        guard (0...65_535).contains(configuration.port) else {
            throw CommandError(.usage, "a port is a number from 0 to 65535")
        }
        configuration.appURLs = apps
        if apps.isEmpty {
            configuration.appURLs =
                setting("NIGHTJAR_APPS").map {
                    $0.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
                }
                ?? file?.apps ?? []
        }
        if let certificate = tlsCertificate ?? setting("NIGHTJAR_TLS_CERTIFICATE") ?? file?.tlsCertificate {
            guard let key = tlsKey ?? setting("NIGHTJAR_TLS_KEY") ?? file?.tlsKey else {
                throw CommandError(.usage, "TLS needs a private key as well: give --tls-key")
            }
            configuration.tls = (certificate, key)
        }
        if let bodyLimit {
            guard (1...1_024).contains(bodyLimit) else {
                throw CommandError(.usage, "--body-limit is a number of megabytes from 1 to 1024")
            }
            configuration.bodyLimit = bodyLimit << 20
        }
        configuration.executes = !noExecute
        configuration.allowsPrivateFetch = allowPrivateFetch || isDevelopment
        configuration.keys.event = eventKeys
        if let key = setting("NIGHTJAR_EVENT_KEY", "INNGEST_EVENT_KEY"), eventKeys.isEmpty {
            configuration.keys.event = [key]
        }
        configuration.keys.signing = try SigningKeySetting(file: signingKeyFile ?? file?.signingKeyFile).keys()
        return configuration
    }

    private static func port(_ text: String, _ name: String) throws -> Int {
        guard let port = Int(text) else { throw CommandError(.usage, "\(name) is no port: a number from 0 to 65535") }
        return port
    }

    /// Writes to standard error.
    static func logger(_ level: LogLevel?) -> Logger {
        var logger = Logger(label: "nightjar") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = (level ?? .info).value
        return logger
    }
}
