import Foundation
import Nightjar
import NightjarTesting

/// A database role for a test, under a name that nobody else has: roles are the whole server's.
struct TestRole: Sendable {
    let name: String
    let database: TestDatabase

    /// How to connect as it.
    var configuration: PostgresConfiguration {
        var configuration = database.configuration
        configuration.keywords["user"] = name
        return configuration
    }

    /// Makes a role that may log in, member of `groups` and bound to a tenant, lends it, and drops it.
    static func with<T: Sendable>(
        _ groups: String..., boundTo tenant: String? = nil, options: String = "", in database: TestDatabase,
        _ body: (TestRole) async throws -> T
    ) async throws -> T {
        let role = TestRole(
            name: "r_" + UUID().uuidString.lowercased().replacing("-", with: "").prefix(20), database: database)
        let owner = PostgresSession(database.configuration, logger: .silent)
        let bond = tenant.map { "SELECT nightjar.bind_role('\(role.name)', '\($0)');" } ?? ""
        let membership = groups.map { "GRANT \($0) TO \(role.name);" }.joined()
        try await owner.run { db in try db.script("CREATE ROLE \(role.name) LOGIN \(options); \(bond) \(membership)") }
        let result: Result<T, any Error>
        do { result = .success(try await body(role)) } catch { result = .failure(error) }
        try await owner.run { db in try db.script("DROP OWNED BY \(role.name); DROP ROLE \(role.name)") }
        await owner.close()
        return try result.get()
    }

    /// Binds it to a tenant.
    func bind(to tenant: String) async throws {
        let tenants = Tenants(database: database.configuration, logger: .silent)
        try await tenants.bind(role: name, to: tenant)
        await tenants.close()
    }

    /// Lends a connection of its own.
    func connected<T: Sendable>(_ body: (PostgresSession) async throws -> T) async throws -> T {
        let session = PostgresSession(configuration, logger: .silent)
        do {
            let result = try await body(session)
            await session.close()
            return result
        } catch {
            await session.close()
            throw error
        }
    }
}

extension PostgresSession {
    /// What statements answer, each in one text: the first column of each row, or the error's code.
    func answer(_ sql: String) async throws -> String {
        try await run { db in
            do {
                return try db.query(sql).map { try $0.decode(0, as: String?.self) ?? "null" }.joined(separator: " ")
            } catch let error as PostgresError where error.sqlState != nil {
                return "\(error.sqlState!) \(error.message)"
            }
        }
    }

    func script(_ sql: String) async throws {
        try await run { db in try db.script(sql) }
    }
}
