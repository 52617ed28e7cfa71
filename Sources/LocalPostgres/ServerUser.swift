import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The operating-system user a server runs as: ourselves, or somebody else if we are root, which PostgreSQL refuses.
struct ServerUser: Sendable {
    var name: String
    var userID: UInt32
    var groupID: UInt32
    /// Whether programs must be started as this user by means of another program.
    var isAnother: Bool

    /// - Returns: `nil` when we are root and there is nobody else.
    static func find() -> ServerUser? {
        guard geteuid() == 0 else {
            return ServerUser(name: NSUserName(), userID: geteuid(), groupID: getegid(), isAnother: false)
        }
        for name in ["postgres", "nobody"] {
            guard let entry = getpwnam(name) else { continue }
            return ServerUser(name: name, userID: entry.pointee.pw_uid, groupID: entry.pointee.pw_gid, isAnother: true)
        }
        return nil
    }

    /// The arguments that run a program as this user.
    func command(_ arguments: [String]) throws -> [String] {
        guard isAnother else { return arguments }
        let exists = { (path: String) in FileManager.default.isExecutableFile(atPath: path) }
        if let setpriv = ["/usr/bin/setpriv", "/bin/setpriv"].first(where: exists) {
            return [setpriv, "--reuid=\(userID)", "--regid=\(groupID)", "--clear-groups"] + arguments
        }
        if let su = ["/usr/bin/su", "/bin/su"].first(where: exists) {
            return [su, name, "-s", "/bin/sh", "-c", "exec \(arguments.quotedForShell)"]
        }
        throw LocalPostgresError(.startFailed, "neither setpriv nor su is there to run the server as user \(name)")
    }

    /// Makes a directory that only this user may enter.
    func makePrivateDirectory(_ url: URL) throws {
        // First those above it, which this user has to pass through.
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.createDirectory(
            at: url, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        guard chown(url.path(percentEncoded: false), userID, groupID) == 0 else {
            throw LocalPostgresError(.directoryUnusable, "cannot give \(url.path()) to user \(name)")
        }
    }

    /// The first directory on the way to `url` that this user may not enter.
    ///
    /// Asks only about permissions for everybody, which is what a user made for a server has.
    func closedAncestor(of url: URL) -> String? {
        guard isAnother else { return nil }
        var directory = url.deletingLastPathComponent()
        var closed: String?
        while directory.pathComponents.count > 1 {
            let path = directory.path(percentEncoded: false)
            let attributes = (try? FileManager.default.attributesOfItem(atPath: path)) ?? [:]
            let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0o755
            let owner = (attributes[.ownerAccountID] as? NSNumber)?.uint32Value
            if mode & 0o001 == 0, owner != userID { closed = path }
            directory.deleteLastPathComponent()
        }
        return closed
    }
}

extension [String] {
    /// The words of a command line that a shell takes apart into just these.
    var quotedForShell: String {
        map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
    }
}
