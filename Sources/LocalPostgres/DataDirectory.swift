import Foundation

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The files of a cluster.
struct DataDirectory: Sendable {
    var url: URL

    var path: String { url.path(percentEncoded: false) }

    /// Whether there is nothing yet.
    var isEmpty: Bool {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).isEmpty
    }

    /// The major version of the server that made the cluster; `nil` if there is no cluster.
    var majorVersion: String? {
        (try? String(contentsOf: url.appending(path: "PG_VERSION"), encoding: .utf8))?
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    var owner: UInt32? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.ownerAccountID] as? NSNumber)?.uint32Value
    }

    /// What a server writes about itself: process, start time and, in line 8, its state.
    var lockFile: LockFile? {
        (try? String(contentsOf: url.appending(path: "postmaster.pid"), encoding: .utf8)).flatMap(LockFile.init)
    }

    struct LockFile: Equatable, Sendable {
        var lines: [String]

        init?(_ text: String) {
            lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard processID != nil else { return nil }
        }

        var processID: Int32? { lines.first.flatMap { Int32($0) }.map(abs) }

        var isReady: Bool { lines.count > 7 && lines[7] == "ready" }

        /// Which server wrote the file: its process and the time of its start.
        var identity: [String] { [lines[0], lines.count > 2 ? lines[2] : ""] }

        /// Whether the process exists and may be a server.
        var isAlive: Bool {
            guard let processID else { return false }
            guard kill(processID, 0) == 0 || errno == EPERM else { return false }
            // Where it can be found out cheaply, a process that has got the number of a crashed server is told apart.
            let comm = try? String(contentsOfFile: "/proc/\(processID)/comm", encoding: .utf8)
            guard let comm else { return true }
            return comm.hasPrefix("postgres") || comm.hasPrefix("postmaster")
        }
    }

    /// Removes what a crashed server left behind, which may keep a new one from starting.
    func removeStaleLockFile() {
        guard let lockFile, !lockFile.isAlive else { return }
        try? FileManager.default.removeItem(at: url.appending(path: "postmaster.pid"))
    }
}
