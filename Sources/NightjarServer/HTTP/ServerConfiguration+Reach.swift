internal import Nightjar

extension ServerConfiguration {
    /// Whether only this machine can reach the server.
    package var isLoopback: Bool {
        host == "localhost" || host == "::1" || host.split(separator: ".").count == 4 && host.hasPrefix("127.")
    }

    /// Refuses to be open to others without any key.
    func checkReach() throws(NightjarError) {
        guard kind == .dev, !isLoopback else { return }
        throw NightjarError(
            .configuration,
            "without any key the server only listens to this machine, and \(host) is reached by others. Give it a signing key "
                + "(NIGHTJAR_SIGNING_KEY or --signing-key-file) and event keys ('nightjar keys create NAME'), or leave out --host."
        )
    }
}
