import Foundation

/// The file `nightjar.json`.
///
/// ```json
/// {
///     "database": "postgres://app@db.example.com/app?sslmode=verify-full",
///     "directory": ".nightjar"
/// }
/// ```
///
/// Both keys may be left out. `database` is the connection string that commands use when neither a flag nor the
/// environment names one. `directory` is where `nightjar dev` keeps its server, relative to the file. A key that is not
/// known is an error: a mistyped one would be passed over for ever.
struct ConfigurationFile {
    var path: String
    var database: String?
    var directory: URL?

    static let name = "nightjar.json"

    /// Reads the named file, or, when none is named, ./nightjar.json if it is there.
    static func read(named name: String?, in directory: URL) throws -> ConfigurationFile? {
        let url = URL(filePath: name ?? Self.name, relativeTo: directory)
        let path = name ?? Self.name
        guard let data = FileManager.default.contents(atPath: url.path(percentEncoded: false)) else {
            guard name == nil, !FileManager.default.fileExists(atPath: url.path(percentEncoded: false)) else {
                throw CommandError(.usage, "\(path) cannot be read; does it exist, and may you read it?")
            }
            return nil
        }
        return try ConfigurationFile(data, path: path, at: url)
    }

    init(_ data: Data, path: String, at url: URL) throws {
        let values: [String: String]
        do { values = try JSONDecoder().decode([String: String].self, from: data) } catch {
            throw CommandError(.usage, "\(path) is not a JSON object of texts, like {\"database\": \"postgres://…\"}")
        }
        if let unknown = values.keys.sorted().first(where: { !["database", "directory"].contains($0) }) {
            throw CommandError(.usage, "\(path): unknown key \"\(unknown)\"; there are \"database\" and \"directory\"")
        }
        self.path = path
        database = values["database"]
        directory = values["directory"].map { URL(filePath: $0, directoryHint: .isDirectory, relativeTo: url) }
    }
}
