public import Logging
internal import NightjarCore
public import PostgresClient

/// Makes, changes, suspends and deletes tenants. For the owner of the schema, and for members of `nightjar_admin`.
///
/// ```swift
/// let tenants = Tenants(database: try .init(url: "postgres://…"))
/// let shop = try await tenants.create("shop", limits: .init(liveRuns: 100_000))
/// try await tenants.suspend("shop", reason: "unpaid")
/// ```
///
/// A tenant is named by its name or by its number.
public final class Tenants: Sendable {
    let session: PostgresSession

    /// Creates an access over one connection, opened when it is needed. Call ``close()`` at the end.
    public init(database: PostgresConfiguration, logger: Logger = Logger(label: "nightjar.tenants")) {
        session = PostgresSession(database, logger: logger)
    }

    /// Closes the connection.
    public func close() async {
        await session.close()
    }

    // MARK: - Reading

    /// All tenants, by number; those that are deleted only if asked for.
    public func list(deleted: Bool = false) async throws -> [Tenant] {
        try await session.run { db in try Self.read(db, nil) }.filter { deleted || $0.state != .deleted }
    }

    /// One tenant; nil when there is none.
    public func tenant(_ name: String) async throws -> Tenant? {
        try await session.run { db in try Self.read(db, name).first }
    }

    /// The tenant that this connection acts for; its number if there is none.
    package func nameOfConnection() async throws -> String {
        try await session.run { db in
            try Self.refusals {
                let row = try db.query(Statement.serverTenant.sql)[0]
                return try row.decode("name", as: String?.self) ?? "\(row.decode("tenant", as: Int32.self))"
            }
        }
    }

    // MARK: - Making and changing

    /// Makes a tenant.
    /// - Throws: ``NightjarError`` with `invalidTenant` when there is one of that name, or the name cannot be one.
    @discardableResult
    public func create(_ name: String, limits: TenantLimits = TenantLimits()) async throws -> Tenant {
        let json = try PostgresJSON(encoding: limits.changes(from: TenantLimits()), using: JSONCoding.encoder())
        return try await session.run { db in
            try Self.refusals { try db.query("SELECT nightjar.create_tenant($1, $2)", [name, json]) }
            return try Self.existing(db, name)
        }
    }

    /// Changes what a tenant may have and do.
    ///
    /// ```swift
    /// try await tenants.change("shop") { $0.liveRuns = nil }
    /// ```
    /// - Throws: ``NightjarError`` with `unknownTenant`, `tenantDeleted` or `invalidTenant`; then nothing was changed.
    @discardableResult
    public func change(_ name: String, _ change: @Sendable (inout TenantLimits) -> Void) async throws -> Tenant {
        let old = try await existing(name).limits
        var new = old
        change(&new)
        return try await set(name, new.changes(from: old))
    }

    /// Gives a tenant another name.
    /// - Throws: ``NightjarError`` with `unknownTenant`, `tenantDeleted` or `invalidTenant`.
    @discardableResult
    public func rename(_ name: String, to newName: String) async throws -> Tenant {
        try await set(name, ["name": .string(newName)])
    }

    private func set(_ name: String, _ change: [String: JSON]) async throws -> Tenant {
        let json = try PostgresJSON(encoding: change, using: JSONCoding.encoder())
        return try await session.run { db in
            let id = try Self.existing(db, name).id
            try Self.refusals { try db.query("SELECT nightjar.set_tenant($1, $2)", ["\(id)", json]) }
            return try Self.existing(db, "\(id)")
        }
    }

    /// Binds a database role to a tenant: who logs in as it, or has its rights, acts for that tenant and no other.
    /// - Parameter name: nil releases the role.
    /// - Throws: ``NightjarError`` with `unknownTenant` when there is no such tenant or role, `invalidTenant` when no bond
    ///   would hold the role.
    public func bind(role: String, to name: String?) async throws {
        try await session.run { db in
            _ = try Self.refusals { try db.query("SELECT nightjar.bind_role($1, $2)", [role, name]) }
        }
    }

    // MARK: - Suspending and deleting

    /// Suspends a tenant: its events are refused from now on, and its runs are not claimed when this returns. What a worker
    /// executes goes on until it next waits. What is interrupted is taken up by the next call.
    /// - Throws: ``NightjarError`` with `unknownTenant` or `tenantDeleted`.
    @discardableResult
    public func suspend(
        _ name: String, reason: String? = nil, progress: (@Sendable (TenantProgress) -> Void)? = nil
    ) async throws -> Tenant {
        try await advance(name, "SELECT * FROM nightjar.suspend_tenant($1, $2)", [reason], until: "suspended", progress)
    }

    /// Resumes a suspended tenant: its events are accepted from now on, and its runs go on from where they were. What is
    /// interrupted is taken up by the next call.
    /// - Throws: ``NightjarError`` with `unknownTenant` or `tenantDeleted`.
    @discardableResult
    public func resume(
        _ name: String, progress: (@Sendable (TenantProgress) -> Void)? = nil
    ) async throws -> Tenant {
        try await advance(name, "SELECT * FROM nightjar.resume_tenant($1)", [], until: "active", progress)
    }

    /// Deletes a tenant with all that it has. Nothing of it is accepted or executed from now on, and what workers execute of
    /// it is ended. What is interrupted is taken up by the next call; it cannot be taken back.
    /// - Throws: ``NightjarError`` with `unknownTenant`, or `invalidTenant` for the default tenant.
    public func delete(_ name: String, progress: (@Sendable (TenantProgress) -> Void)? = nil) async throws {
        _ = try await advance(name, "SELECT * FROM nightjar.delete_tenant($1)", [], until: "deleted", progress)
    }

    /// Calls what does one chunk in each transaction until there is nothing left to do.
    private func advance(
        _ name: String, _ sql: String, _ parameters: [any PostgresEncodable & Sendable], until end: String,
        _ progress: (@Sendable (TenantProgress) -> Void)?
    ) async throws -> Tenant {
        let id = "\(try await existing(name).id)"
        var total = 0
        var pause = Duration.milliseconds(5)
        while true {
            let (stage, rows, waits) = try await session.run { db in
                let row = try Self.refusals { try db.query(sql, [id] + parameters)[0] }
                return (
                    try row.decode(0, as: String.self), Int(try row.decode(1, as: Int64.self)),
                    try row.decode(2, as: [String]?.self)?.count ?? 0
                )
            }
            total += rows
            if stage == end { return try await existing(id) }
            progress?(TenantProgress(rows: total, stage: stage, transactions: waits))
            // Somebody's transaction has to end.
            pause = rows > 0 ? .milliseconds(5) : min(pause * 2, .seconds(1))
            if rows == 0 { try await Task.sleep(for: pause) }
            try Task.checkCancellation()
        }
    }

    // MARK: -

    private func existing(_ name: String) async throws -> Tenant {
        try await session.run { db in try Self.existing(db, name) }
    }

    private static func existing(_ db: PostgresConnection, _ name: String) throws -> Tenant {
        if name == ServedTenants.nameOfAll || name == "0" {
            throw NightjarError(.invalidTenant, "\"*\" stands for all tenants; name one, see 'nightjar tenant list'")
        }
        guard let tenant = try read(db, name).first else {
            throw NightjarError(.unknownTenant, "there is no tenant \"\(name)\"; see 'nightjar tenant list'")
        }
        return tenant
    }

    private static func read(_ db: PostgresConnection, _ name: String?) throws -> [Tenant] {
        try db.query(Statement.tenants.sql, [name]).map(Tenant.init)
    }

    /// - Parameter special: What some states mean here; others mean what they mean of tenants.
    @discardableResult
    static func refusals<T>(_ special: [SQLState: NightjarError.Code] = [:], _ body: () throws -> T) throws -> T {
        let codes: [SQLState: NightjarError.Code] = [
            .undefinedObject: .unknownTenant, .duplicateObject: .invalidTenant, .invalidParameterValue: .invalidTenant,
            .objectNotInPrerequisiteState: .invalidTenant, .tenantDeleted: .tenantDeleted,
        ]
        return try NightjarError.refusals(codes.merging(special) { _, special in special }, body)
    }
}
