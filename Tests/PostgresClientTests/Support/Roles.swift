import Foundation
import LocalPostgres
import PostgresClient
import Testing

/// How to reach the shared server by TCP at 127.0.0.1, as a new superuser with a password.
func tcpConfiguration(port: Int? = nil) async throws -> PostgresConfiguration {
    let server = try await TestServer.running
    let role = "role_\(UUID().uuidString.lowercased())"
    let password = "pass word \(UUID().uuidString)'\\"
    try await withSession { session in
        try await session.run { db in
            let literal = try db.value("select quote_literal($1)", [password], as: String.self)
            try db.script("create role \(PostgresIdentifier(role).quoted) superuser login password \(literal)")
        }
    }
    return PostgresConfiguration(keywords: [
        "host": "127.0.0.1", "port": String(try port ?? #require(server.loopbackPort)), "user": role,
        "password": password, "dbname": "postgres",
    ])
}
