public import Foundation
public import PostgresClient

extension LocalPostgres {
    /// What kind of server to start, and where.
    public struct Options: Sendable {
        /// Where the cluster is kept; `nil` makes a temporary one that is removed with the server.
        public var directory: URL?
        /// The TCP port to listen on at 127.0.0.1, 0 for a free one; `nil` listens on a Unix socket only.
        ///
        /// TCP connections need a role with a password (SCRAM); the socket is open to whoever may enter its directory.
        public var loopbackPort: Int?
        /// Whether data survives a crash of the machine; turning it off makes tests faster.
        ///
        /// A crash of the server alone loses nothing that was committed, in either case.
        public var durable: Bool
        /// Settings of the server, as in `postgresql.conf`.
        public var settings: [String: String]
        /// The server of which this is to be a streaming standby, made from a base backup; `nil` makes a cluster of its own.
        ///
        /// The standby needs at least the primary's `max_connections`, among other settings.
        public var primary: PostgresConfiguration?
        /// How long starting may take, which after a crash includes recovery; three times as long when the cluster has to
        /// be made first.
        public var startTimeout: Duration

        /// Makes options; the defaults are those of a temporary server.
        public init(
            directory: URL? = nil, loopbackPort: Int? = nil, durable: Bool = false, settings: [String: String] = [:],
            primary: PostgresConfiguration? = nil, startTimeout: Duration = .seconds(60)
        ) {
            self.directory = directory
            self.loopbackPort = loopbackPort
            self.durable = durable
            self.settings = settings
            self.primary = primary
            self.startTimeout = startTimeout
        }
    }

    /// How to stop a server.
    public enum StopMode: Sendable {
        /// Disconnects everybody, rolls back and writes a checkpoint.
        case fast
        /// Ends at once as in a crash, so that the next start has to recover.
        case immediate

        var signal: String {
            switch self {
            case .fast: "INT"
            case .immediate: "QUIT"
            }
        }
    }
}
