package import Nightjar

/// How a server behaves: where it listens, what it accepts, and whom it trusts.
package struct ServerConfiguration: Sendable {
    /// The address to listen at.
    package var host = "127.0.0.1"
    /// The port to listen at; 0 takes any that is free.
    package var port = 8288
    /// The certificate chain and its private key, in files in the PEM format; without them there is no TLS.
    package var tls: (certificates: String, privateKey: String)?
    /// Who may do what; without any key the server is in dev mode.
    package var keys = ServerKeys()
    /// Where apps are that are to be synced at the start, and when they come back.
    package var appURLs: [String] = []
    /// Whether this process executes runs of remote apps, too.
    package var executes = true
    /// How the runs of each app are executed: its concurrency is how many calls are made to one app at once.
    package var worker = WorkerConfiguration()
    /// Whether `step.fetch` and `step.ai` may call private addresses.
    package var allowsPrivateFetch = false
    /// The bytes that the body of a request may have.
    package var bodyLimit = 32 << 20
    /// The bytes that the headers of a request may have.
    package var headerLimit = 32 << 10
    /// How long a connection may be idle, and how long the headers of a request may take.
    package var idleTimeout: Duration = .seconds(75)
    /// How long the body of a request may take to arrive.
    package var bodyTimeout: Duration = .seconds(60)
    /// The connections to the database.
    package var connections = 8
    /// A standby of the database, which is asked for what changes nothing.
    package var replica: PostgresConfiguration?
    /// How old what the standby shows may be.
    package var replicaLag: Duration = .seconds(10)
    /// The connections that may be open at once; others wait in the backlog.
    package var connectionLimit = 10_000
    /// The requests that may be handled at once; others are answered 503.
    package var requestLimit = 1_000

    package init() {}

    /// What the answers say that the server is.
    package var kind: ServerKind { keys.isEmpty ? .dev : .cloud }
}

/// The two ways to run a server.
package enum ServerKind: String, Sendable {
    /// Nothing is verified, and only this machine is answered.
    case dev
    /// Keys are required.
    case cloud
}
