import Foundation
import PostgresClient

/// Brings a server up.
struct ServerStarter {
    private let installation: PostgresInstallation
    private let user: ServerUser
    private let layout: Layout
    private let options: LocalPostgres.Options

    init(user: ServerUser?, layout: Layout, options: LocalPostgres.Options) throws {
        installation = try PostgresInstallation.find()
        guard let user else {
            throw LocalPostgresError(
                .startFailed, "PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")
        }
        guard layout.port != 0 else { throw LocalPostgresError(.startFailed, "no free TCP port at 127.0.0.1") }
        self.user = user
        self.layout = layout
        self.options = options
    }

    func start() async throws -> (Watchdog, processID: Int32) {
        try prepareDirectories()
        let isNew = layout.data.isEmpty
        if !isNew { try checkCluster() }
        let before = layout.data.lockFile?.identity
        let watchdog = try Watchdog(
            user: user, server: isNew ? creatingFirst(serverCommand) : serverCommand, log: layout.log,
            signalAtOurEnd: options.directory == nil ? "QUIT" : "INT", removing: layout.temporary)
        return (
            watchdog,
            try await waitUntilReady(
                watchdog, before: before, limit: isNew ? options.startTimeout * 3 : options.startTimeout)
        )
    }

    private func prepareDirectories() throws {
        if let closed = user.closedAncestor(of: layout.root) {
            throw LocalPostgresError(
                .directoryUnusable,
                "user \(user.name), as which the server has to run, may not enter \(closed); choose a directory elsewhere, "
                    + "or do not run as root")
        }
        for directory in [layout.root, layout.socket] { try user.makePrivateDirectory(directory) }
        guard let owner = layout.data.owner else { return try user.makePrivateDirectory(layout.data.url) }
        guard owner == user.userID else {
            throw LocalPostgresError(
                .directoryUnusable,
                "\(layout.data.path) belongs to user \(owner), but the server runs as \(user.name); "
                    + "change its owner, 'chown -R \(user.name)', or choose another directory")
        }
    }

    /// The shell's watch covers making the cluster, so that nothing is left behind if we are gone by then.
    private func creatingFirst(_ server: [String]) -> [String] {
        if let primary = options.primary { return copying(primary, server) }
        #if canImport(Darwin)
            let locale = "C"
        #else
            let locale = "C.UTF-8"
        #endif
        var initdb = [
            installation.path(of: "initdb"), "--pgdata=\(layout.data.path)", "--username=postgres",
            "--auth-local=trust", "--auth-host=scram-sha-256", "--encoding=UTF8", "--locale=\(locale)",
        ]
        if !options.durable { initdb.append("--no-sync") }
        return ["/bin/sh", "-c", "\(initdb.quotedForShell) && exec \"$@\"", "sh"] + server
    }

    private func copying(_ primary: PostgresConfiguration, _ server: [String]) -> [String] {
        let connection = primary.keywords.filter { $0.key != "dbname" && !$0.value.isEmpty }.sorted { $0.key < $1.key }
            .map { "\($0.key)='\($0.value)'" }.joined(separator: " ")
        let backup = [
            installation.path(of: "pg_basebackup"), "--pgdata=\(layout.data.path)", "--dbname=\(connection)",
            "--wal-method=stream", "--checkpoint=fast", "--write-recovery-conf", "--no-sync",
        ]
        return ["/bin/sh", "-c", "\(backup.quotedForShell) && exec \"$@\"", "sh"] + server
    }

    private func checkCluster() throws {
        guard let found = layout.data.majorVersion else {
            throw LocalPostgresError(
                .directoryUnusable, "\(layout.data.path) is not empty and holds no cluster; choose another directory")
        }
        let version = try installation.version()
        guard version == found || version.hasPrefix("\(found).") || version.hasPrefix("\(found)beta") else {
            throw LocalPostgresError(
                .directoryUnusable,
                "\(layout.data.path) was made by PostgreSQL \(found), but the server is \(version); upgrade the cluster "
                    + "with pg_upgrade or choose another directory")
        }
        if let lockFile = layout.data.lockFile, lockFile.isAlive, let processID = lockFile.processID {
            throw LocalPostgresError(
                .alreadyRunning,
                "a server with process id \(processID) uses \(layout.data.path); connect to that one, or stop it with "
                    + "'kill -INT \(processID)'")
        }
        layout.data.removeStaleLockFile()
    }

    private var serverCommand: [String] {
        var settings = [
            "listen_addresses": options.loopbackPort == nil ? "" : "127.0.0.1",
            "port": String(layout.port),
            "unix_socket_directories": layout.socket.path(percentEncoded: false),
            "logging_collector": "off",
        ]
        if !options.durable {
            // Not synchronous_commit: without it a crash of the server alone would lose what was acknowledged.
            settings.merge(["fsync": "off", "full_page_writes": "off"]) { _, new in new }
        }
        settings.merge(options.settings) { _, given in given }
        let flags = settings.sorted { $0.key < $1.key }.flatMap { ["-c", "\($0.key)=\($0.value)"] }
        return [installation.path(of: "postgres"), "-D", layout.data.path] + flags
    }

    /// The server says so in its lock file, which is what pg_ctl relies on as well.
    private func waitUntilReady(_ watchdog: Watchdog, before: [String]?, limit: Duration) async throws -> Int32 {
        let deadline = ContinuousClock.now + limit
        do {
            while true {
                if let lockFile = layout.data.lockFile, lockFile.identity != before, lockFile.isReady,
                    let processID = lockFile.processID
                {
                    return processID
                }
                guard !watchdog.hasEnded else { throw failure("the server gave up while starting") }
                guard ContinuousClock.now < deadline else {
                    throw failure("the server was not ready within \(limit)")
                }
                try await Task.sleep(for: .milliseconds(5))
            }
        } catch {
            try? await watchdog.stop(.immediate)
            throw error
        }
    }

    private func failure(_ reason: String) -> LocalPostgresError {
        LocalPostgresError(.startFailed, "\(reason); the end of its log:\n\(layout.logTail)")
    }
}
