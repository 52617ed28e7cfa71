import Foundation
import NightjarTesting
import Testing

@testable import Nightjar

struct MigratorTests {
    @Test("From nothing to current; then there is nothing to do")
    func fromNothing() async throws {
        try await Self.withEmptyDatabase { database in
            let migrator = Migrator(database.configuration, logger: .silent)
            #expect(try await migrator.state().pending.count == Migration.all.count)
            await #expect { try await migrator.state().checkCurrent() } throws: {
                ($0 as? NightjarError)?.code == .schemaMissing
            }
            #expect(try await migrator.migrate().count == Migration.all.count)
            #expect(try await migrator.migrate().isEmpty)
            try await migrator.state().checkCurrent()
        }
    }

    @Test("Two processes at once: one applies, the other finds it done, none fails")
    func twoAtOnce() async throws {
        try await Self.withEmptyDatabase { database in
            let applied = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<4 {
                    group.addTask { try await Migrator(database.configuration, logger: .silent).migrate().count }
                }
                return try await group.reduce(0, +)
            }
            #expect(applied == Migration.all.count)
        }
    }

    @Test("What plain psql applied counts, and gets its checksum")
    func byHand() async throws {
        try await Self.withEmptyDatabase { database in
            let session = PostgresSession(database.configuration, logger: .silent)
            try await session.run { db in try db.transaction { db in try db.script(Migration.all[0].sql) } }
            let migrator = Migrator(database.configuration, logger: .silent)
            #expect(try await migrator.migrate().count == Migration.all.count - 1)
            let missing = try await session.run { db in
                try db.query("SELECT count(*) FROM nightjar.migrations WHERE checksum IS NULL")[0].decode(
                    0, as: Int64.self)
            }
            #expect(missing == 0)
            await session.close()
        }
    }

    @Test("An edited migration and a newer schema are refused, by name; nothing is changed")
    func refusals() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let migrator = Migrator(database.configuration, logger: .silent)
            try await probe.script("UPDATE nightjar.migrations SET checksum = 'another' WHERE version = 2")
            await #expect { try await migrator.migrate() } throws: {
                ($0 as? NightjarError)?.code == .migrationEdited && "\($0)".contains("migration 2 (cancel)")
            }
            try await probe.script(
                """
                UPDATE nightjar.migrations SET checksum = NULL WHERE version = 2;
                INSERT INTO nightjar.migrations (version, name) VALUES (9999, 'tomorrow')
                """)
            await #expect { try await migrator.migrate() } throws: {
                ($0 as? NightjarError)?.code == .schemaTooNew && "\($0)".contains("9999 (tomorrow)")
            }
        }
    }

    @Test("A migration that fails leaves the database as it was")
    func failure() async throws {
        try await Self.withEmptyDatabase { database in
            let broken =
                Migration.all.prefix(1) + [
                    Migration(version: 2, name: "broken", sql: "CREATE TABLE nightjar.x (); SELECT 1/0")
                ]
            let migrator = Migrator(database.configuration, migrations: Array(broken), logger: .silent)
            await #expect(throws: PostgresError.self) { try await migrator.migrate() }
            let probe = PostgresSession(database.configuration, logger: .silent)
            let exists = try await probe.run { db in
                try db.query("SELECT to_regclass('nightjar.x') IS NOT NULL")[0].decode(0, as: Bool.self)
            }
            #expect(!exists)
            #expect(try await migrator.state().pending.map(\.version) == [2])
            await probe.close()
        }
    }

    @Test("Partitions are made ahead once, whoever asks")
    func partitions() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            #expect(try await probe.value("SELECT nightjar.make_partitions('8 weeks')", as: Int32.self) == 0)
            let made = try await withThrowingTaskGroup(of: Int32.self) { group in
                for _ in 0..<3 {
                    group.addTask {
                        let probe = try await Probe(database)
                        return try await probe.value("SELECT nightjar.make_partitions('12 weeks')", as: Int32.self)
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(made == 4 * 6)
        }
    }

    private static func withEmptyDatabase(_ body: (TestDatabase) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let session = PostgresSession(database.configuration, logger: .silent)
            try await session.run { db in try db.script("DROP SCHEMA nightjar, nightjar_report CASCADE") }
            await session.close()
            try await body(database)
        }
    }
}
