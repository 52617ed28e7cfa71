import Foundation
import Nightjar

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The directory `.nightjar`, where `nightjar dev` keeps its server and says how to reach it.
struct DevelopmentDirectory {
    var url: URL

    static let name = ".nightjar"

    /// Without a slash at its end, as people write it.
    var path: String {
        let path = url.path(percentEncoded: false)
        return path.hasSuffix("/") ? String(path.dropLast()) : path
    }

    /// The configured directory, or the nearest one here or above; nil when there is none.
    static func find(from here: URL, configured: URL?) -> DevelopmentDirectory? {
        if let configured { return DevelopmentDirectory(url: configured) }
        var directory = here.standardizedFileURL
        while true {
            let candidate = directory.appending(path: name, directoryHint: .isDirectory)
            if FileManager.default.fileExists(atPath: candidate.path(percentEncoded: false)) {
                return DevelopmentDirectory(url: candidate)
            }
            guard directory.pathComponents.count > 1 else { return nil }
            directory.deleteLastPathComponent()
        }
    }

    /// What `nightjar dev` writes while its server runs.
    struct Notice: Codable {
        /// How to connect.
        var url: String
        /// The process that runs the server.
        var processID: Int32

        enum CodingKeys: String, CodingKey {
            case url
            case processID = "process_id"
        }
    }

    func write(_ notice: Notice) throws {
        try JSONEncoder().encode(notice).write(to: noticeURL, options: .atomic)
    }

    func removeNotice() {
        try? FileManager.default.removeItem(at: noticeURL)
    }

    /// How to reach the server that runs here.
    func setting() throws -> DatabaseSetting {
        let file = noticeURL.path(percentEncoded: false)
        guard let data = FileManager.default.contents(atPath: file) else {
            if access(path, R_OK | X_OK) != 0, errno == EACCES {
                throw CommandError(
                    .unavailable, "\(path) belongs to another user; use 'nightjar' as the one who ran 'nightjar dev'")
            }
            throw notRunning
        }
        guard let notice = try? JSONDecoder().decode(Notice.self, from: data) else {
            throw CommandError(.unavailable, "\(file) cannot be understood; remove it and start 'nightjar dev' again")
        }
        // Left behind by one that was killed; its server ended with it.
        guard kill(notice.processID, 0) == 0 || errno == EPERM else { throw notRunning }
        return try DatabaseSetting(url: notice.url, origin: file)
    }

    private var noticeURL: URL { url.appending(path: "server.json") }

    private var notRunning: CommandError {
        CommandError(
            .unavailable,
            "no database is named, and the development server of \(path) does not run: start it with 'nightjar dev'")
    }
}
