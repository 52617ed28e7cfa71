public import Foundation

/// The server binaries of a PostgreSQL installation.
public struct PostgresInstallation: Sendable {
    /// The directory that holds `initdb` and `postgres`.
    public let binaries: URL

    /// Takes a directory as it is.
    public init(binaries: URL) {
        self.binaries = binaries
    }

    /// Looks where `pg_config` points and in the usual places; of several versions the newest is taken.
    ///
    /// - Throws: ``LocalPostgresError`` with code `notInstalled`, which says what was looked at and how to install it.
    public static func find() throws -> PostgresInstallation {
        var candidates: [String] = []
        if let directory = try? Command(["/usr/bin/env", "pg_config", "--bindir"]).output() {
            candidates.append(directory)
        }
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        candidates += path.split(separator: ":").map(String.init)
        candidates += usualPlaces.flatMap(expand)
        guard let found = candidates.first(where: holdsServer) else {
            throw LocalPostgresError(
                .notInstalled,
                "no PostgreSQL server found: looked for initdb and postgres in pg_config --bindir, in PATH and in "
                    + usualPlaces.joined(separator: ", ")
                    + "; install it with 'apt-get install postgresql' or 'brew install postgresql'")
        }
        return PostgresInstallation(binaries: URL(filePath: found, directoryHint: .isDirectory))
    }

    /// The version as the server prints it, `15.18` for example.
    ///
    /// - Throws: ``LocalPostgresError`` when the server cannot be executed.
    public func version() throws -> String {
        let text = try Command([path(of: "postgres"), "--version"]).output()
        return text.split(separator: " ").first { $0.first?.isNumber == true }.map(String.init) ?? text
    }

    func path(of program: String) -> String {
        binaries.appending(path: program).path(percentEncoded: false)
    }

    private static let usualPlaces = [
        "/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin",
        "/usr/local/opt/postgresql*/bin", "/Applications/Postgres.app/Contents/Versions/*/bin",
    ]

    private static func holdsServer(_ directory: String) -> Bool {
        ["initdb", "postgres"].allSatisfy { FileManager.default.isExecutableFile(atPath: "\(directory)/\($0)") }
    }

    /// Replaces the one component with a star by what is there, newest version first.
    private static func expand(_ pattern: String) -> [String] {
        let parts = pattern.split(separator: "/")
        guard let index = parts.firstIndex(where: { $0.contains("*") }) else { return [pattern] }
        let parent = "/" + parts[..<index].joined(separator: "/")
        let prefix = parts[index].prefix { $0 != "*" }
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
        return
            entries
            .filter { $0.hasPrefix(prefix) }
            .sorted { $0.compare($1, options: .numeric) == .orderedDescending }
            .map { "\(parent)/\($0)/" + parts[(index + 1)...].joined(separator: "/") }
    }
}
