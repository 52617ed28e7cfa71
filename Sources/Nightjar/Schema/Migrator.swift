internal import Foundation
public import Logging
public import PostgresClient

/// Brings a database's schema up to this build's migrations.
///
/// Each migration is a transaction of its own under one advisory lock, so any number of processes may call ``migrate()``
/// at once: one does the work, the others wait and find it done. What plain `psql` applied counts as applied; its
/// checksum is filled in.
public struct Migrator: Sendable {
    private let database: PostgresConfiguration
    private let migrations: [Migration]
    private let logger: Logger

    /// Creates a migrator.
    /// - Parameters:
    ///   - database: how to connect; the user must be allowed to create schemas.
    ///   - migrations: by default all of this build; fewer of them only in tests.
    ///   - logger: told of each migration that is applied.
    public init(_ database: PostgresConfiguration, migrations: [Migration] = Migration.all, logger: Logger) {
        var database = database
        // Behind a long report an ACCESS EXCLUSIVE lock would queue, and everybody else behind it.
        database.settings["lock_timeout"] = "10s"
        database.settings["statement_timeout"] = "0"
        self.database = database
        self.migrations = migrations
        self.logger = logger
    }

    /// Compares the database with this build. Changes nothing.
    public func state() async throws -> SchemaState {
        try await withSession { session in
            try await session.run { [migrations] db in try Self.state(db, migrations) }
        }
    }

    /// Applies what is missing, in order, and answers what it applied.
    /// - Throws: `NightjarError` with `schemaTooNew` or `migrationEdited`; `PostgresError`, after which everything up to
    ///   the migration that failed is applied and that one not at all.
    @discardableResult
    public func migrate() async throws -> [Migration] {
        try await withSession { session in
            var done: [Migration] = []
            while let migration = try await session.run({ [migrations] db in try Self.applyNext(db, migrations) }) {
                logger.info(
                    "migration applied",
                    metadata: ["version": "\(migration.version)", "name": "\(migration.name)"])
                done.append(migration)
            }
            return done
        }
    }

    private func withSession<T: Sendable>(_ body: (PostgresSession) async throws -> T) async throws -> T {
        let session = PostgresSession(database, logger: logger)
        do {
            let result = try await body(session)
            await session.close()
            return result
        } catch {
            await session.close()
            throw error
        }
    }

    /// On a database in use its locks can meet those of others in another order: then it is tried again.
    private static func applyNext(_ db: PostgresConnection, _ migrations: [Migration]) throws -> Migration? {
        for _ in 1..<10 {
            do {
                return try apply(db, migrations)
            } catch let error as PostgresError
                where error.sqlState == .deadlockDetected || error.sqlState == .lockNotAvailable
            {
                continue
            }
        }
        return try apply(db, migrations)
    }

    private static func apply(_ db: PostgresConnection, _ migrations: [Migration]) throws -> Migration? {
        try db.transaction { db in
            try db.query("SELECT pg_advisory_xact_lock(hashtext('nightjar.migrate'))")
            let state = try state(db, migrations)
            try state.checkUsable()
            // What psql applied has no checksum yet: from now on it is held to this build's text.
            if !state.isEmpty {
                try db.execute(
                    """
                    UPDATE nightjar.migrations m SET checksum = encode(sha256(convert_to(k.sql, 'UTF8')), 'hex')
                    FROM unnest($1::int[], $2::text[]) AS k (version, sql)
                    WHERE m.version = k.version AND m.checksum IS NULL
                    """, [migrations.map { Int32($0.version) }, migrations.map(\.sql)])
            }
            guard let version = state.pending.first?.version,
                let migration = migrations.first(where: { $0.version == version })
            else { return nil }
            try db.script(migration.sql)
            try db.execute(
                "UPDATE nightjar.migrations SET checksum = encode(sha256(convert_to($1, 'UTF8')), 'hex') WHERE version = $2",
                [migration.sql, migration.version])
            return migration
        }
    }

    /// Checks that the schema is this build's.
    ///
    /// - Throws: ``NightjarError`` that says which is older; `PostgresError`.
    package static func checkCurrent(_ db: PostgresConnection) throws {
        try state(db, Migration.all).checkCurrent()
    }

    static func state(_ db: PostgresConnection, _ migrations: [Migration]) throws -> SchemaState {
        let exists = try db.query("SELECT to_regclass('nightjar.migrations') IS NOT NULL")[0].decode(0, as: Bool.self)
        let checksums = try db.query(
            "SELECT encode(sha256(convert_to(text, 'UTF8')), 'hex') FROM unnest($1::text[]) WITH ORDINALITY t (text, n) ORDER BY n",
            [migrations.map(\.sql)])
        let known = try zip(migrations, checksums).map { ($0, try $1.decode(0, as: String.self)) }
        guard exists else { return SchemaState(applied: [], known: known) }
        let applied = try db.query(
            "SELECT version, name, checksum, applied_at FROM nightjar.migrations ORDER BY version"
        ).map {
            SchemaState.Applied(
                version: try $0.decode("version"), name: try $0.decode("name"), checksum: try $0.decode("checksum"),
                appliedAt: try $0.decode("applied_at"))
        }
        return SchemaState(applied: applied, known: known)
    }
}
