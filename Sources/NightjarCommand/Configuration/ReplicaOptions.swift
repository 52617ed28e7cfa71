import ArgumentParser
import Foundation
import Nightjar

/// The options of commands that may ask a standby for what changes nothing.
struct ReplicaOptions: ParsableArguments {
    @Option(
        name: .customLong("replica"),
        help: ArgumentHelp(
            "A standby of the database, to be asked for what changes nothing; where it is down or too far behind, the "
                + "database itself is.", valueName: "url"))
    var url: String?

    @Option(
        name: .customLong("replica-lag"),
        help: ArgumentHelp("How far behind the standby may be, in seconds; 10 by default.", valueName: "seconds"))
    var lag: Int?
}

extension ReplicaOptions {
    /// The standby that somebody named: by a flag, the environment or the file; nil: nobody did.
    func setting(
        _ file: ConfigurationFile?, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> DatabaseSetting? {
        if let url { return try DatabaseSetting(url: url, origin: "--replica") }
        if let url = environment["NIGHTJAR_REPLICA_URL"], !url.isEmpty {
            return try DatabaseSetting(url: url, origin: "NIGHTJAR_REPLICA_URL")
        }
        guard let file, let url = file.replica else { return nil }
        return try DatabaseSetting(url: url, origin: "\(file.path): \"replica\"")
    }

    /// How far behind it may be.
    func maximumLag(
        _ file: ConfigurationFile?, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> Duration {
        if let lag {
            guard lag >= 0 else { throw CommandError(.usage, "--replica-lag is a number of seconds") }
            return .seconds(lag)
        }
        if let text = environment["NIGHTJAR_REPLICA_LAG"], !text.isEmpty {
            guard let lag = Int(text), lag >= 0 else {
                throw CommandError(.usage, "NIGHTJAR_REPLICA_LAG is a number of seconds, not '\(text)'")
            }
            return .seconds(lag)
        }
        return .seconds(file?.replicaLag ?? 10)
    }
}
