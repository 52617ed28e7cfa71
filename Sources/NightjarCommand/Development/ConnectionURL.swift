import Foundation
import Nightjar

/// Connection strings of servers behind a Unix socket.
enum ConnectionURL {
    static func text(of configuration: PostgresConfiguration) -> String {
        let keywords = configuration.keywords
        var components = URLComponents()
        components.scheme = "postgres"
        components.user = keywords["user"]
        components.host = ""
        components.path = "/\(keywords["dbname"] ?? "")"
        // In the query, because a socket's directory is no host that a URL may have.
        let socket = keywords["host"].map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 }
        components.queryItems = [
            URLQueryItem(name: "host", value: socket), URLQueryItem(name: "port", value: keywords["port"]),
        ]
        return components.string ?? ""
    }
}
