import NightjarServer

/// What a server says once it takes requests.
struct ServeReport {
    var configuration: ServerConfiguration
    var port: Int

    /// Where it is.
    var url: String {
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        return "\(configuration.tls == nil ? "http" : "https")://\(host):\(port)"
    }

    var text: String {
        let mode =
            switch configuration.kind {
            case .dev: "dev mode: no keys, nothing is verified, and only this machine is answered"
            case .cloud:
                configuration.keys.signing == nil && !configuration.keys.signingIsStored
                    ? "keys are required to send events; the API is closed, since there is no signing key"
                    : "keys are required"
            }
        return "Nightjar listens at \(url) (\(mode))."
    }
}
