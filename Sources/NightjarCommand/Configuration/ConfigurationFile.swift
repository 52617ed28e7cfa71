import Foundation
import Nightjar

/// The file `nightjar.json`.
///
/// ```json
/// {
///     "database": "postgres://app@db.example.com/app?sslmode=verify-full",
///     "directory": ".nightjar",
///     "port": 8288,
///     "apps": ["http://localhost:3000/api/inngest"]
/// }
/// ```
///
/// All keys may be left out. `database` is the connection string that commands use when neither a flag nor the
/// environment names one. `directory` is where `nightjar dev` keeps its server, relative to the file. The others are
/// settings of `nightjar serve`. A key that is not known is an error: a mistyped one would be passed over for ever.
struct ConfigurationFile {
    var path: String
    var database: String?
    var directory: URL?
    var host: String?
    var port: Int?
    var apps: [String]?
    /// Relative to the file, like the ones below.
    var signingKeyFile: String?
    var tlsCertificate: String?
    var tlsKey: String?
    /// Where metrics are exposed: a port, or an address and a port.
    var metrics: String?
    var metricsTenants: String?
    var metricsDatabase: String?
    var replica: String?
    /// Seconds.
    var replicaLag: Int?

    static let name = "nightjar.json"
    private static let texts = [
        "database", "directory", "host", "signing_key_file", "tls_certificate", "tls_key",
        "metrics", "metrics_tenants", "metrics_database", "replica",
    ]

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
        guard let values = (try? JSONDecoder().decode(JSON.self, from: data))?.object else {
            throw CommandError(.usage, "\(path) is not a JSON object, like {\"database\": \"postgres://…\"}")
        }
        let known = Self.texts + ["port", "apps", "replica_lag"]
        if let unknown = values.keys.sorted().first(where: { !known.contains($0) }) {
            let names = known.map { "\"\($0)\"" }.joined(separator: ", ")
            throw CommandError(.usage, "\(path): unknown key \"\(unknown)\"; there are \(names)")
        }
        for name in Self.texts where values[name] != nil && values[name]?.string == nil {
            throw CommandError(.usage, "\(path): \"\(name)\" must be a text")
        }
        func file(_ name: String) -> String? {
            values[name]?.string.map { URL(filePath: $0, relativeTo: url).path(percentEncoded: false) }
        }
        self.path = path
        database = values["database"]?.string
        directory = values["directory"]?.string.map { URL(filePath: $0, directoryHint: .isDirectory, relativeTo: url) }
        host = values["host"]?.string
        metrics = values["metrics"]?.string
        metricsTenants = values["metrics_tenants"]?.string
        metricsDatabase = values["metrics_database"]?.string
        replica = values["replica"]?.string
        signingKeyFile = file("signing_key_file")
        tlsCertificate = file("tls_certificate")
        tlsKey = file("tls_key")
        if let value = values["port"] {
            guard let number = value.integer, (0...65_535).contains(number) else {
                throw CommandError(.usage, "\(path): \"port\" must be a number from 0 to 65535")
            }
            port = Int(number)
        }
        if let value = values["replica_lag"] {
            guard let number = value.integer, number >= 0 else {
                throw CommandError(.usage, "\(path): \"replica_lag\" must be a number of seconds")
            }
            replicaLag = Int(number)
        }
        if let value = values["apps"] {
            guard let list = value.array, list.allSatisfy({ $0.string != nil }) else {
                throw CommandError(.usage, "\(path): \"apps\" must be a list of URLs")
            }
            apps = list.compactMap(\.string)
        }
    }
}
