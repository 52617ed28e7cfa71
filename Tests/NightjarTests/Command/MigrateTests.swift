import Foundation
import Nightjar
import NightjarTesting
import Testing

@Suite("nightjar migrate", .serialized, .timeLimit(.minutes(3)))
struct MigrateTests {
    @Test("says what is missing, applies it, and then finds nothing to do")
    func bringsUp() async throws {
        try await withEmptyDatabase { url in
            let versions = Migration.all.map(\.version)

            let before = try await nightjar("migrate", "status", "--database", url, "--json")
            #expect(before.status == 2)
            #expect(try before.json().map { $0["state"] } == versions.map { _ in "pending" })

            let dry = try await nightjar("migrate", "--dry-run", "--database", url, "--json")
            #expect(dry.status == 0)
            #expect(
                try dry.json()[0]["would_apply"]?.array?.map { $0["version"]?.integer } == versions.map { Int64($0) })
            #expect(try await nightjar("migrate", "status", "--database", url).status == 2, "a dry run changes nothing")

            let up = try await nightjar("migrate", "--database", url)
            #expect(up.status == 0)
            #expect(up.output.contains("Applied 1 tables"))
            let after = try await nightjar("migrate", "status", "--database", url)
            #expect(after.status == 0)
            #expect(after.output.contains("applied"))
            #expect(try await nightjar("migrate", "--database", url).output == "The schema is up to date.\n")
        }
    }

    @Test("two at once apply each migration once")
    func concurrently() async throws {
        try await withEmptyDatabase { url in
            async let one = nightjar("migrate", "--database", url, "--json")
            async let other = nightjar("migrate", "--database", url, "--json")
            let results = try await [one, other]

            #expect(results.map(\.status) == [0, 0])
            let applied = try results.flatMap { try $0.json()[0]["applied"]?.array ?? [] }.compactMap {
                $0["version"]?.integer
            }
            #expect(applied.sorted() == Migration.all.map { Int64($0.version) })
        }
    }

    @Test("an applied migration that was edited is refused")
    func edited() async throws {
        try await TestDatabase.with { database in
            let connection = PostgresSession(database.configuration, logger: .silent)
            try await connection.run { db in
                _ = try db.execute("UPDATE nightjar.migrations SET checksum = 'other' WHERE version = 2")
            }
            await connection.close()

            let status = try await nightjar("migrate", "status", "--database", database.url)
            #expect(status.status == 1)
            #expect(status.output.contains("edited"))
            let up = try await nightjar("migrate", "--database", database.url)
            #expect(up.status == 1)
            #expect(up.error.contains("migration 2 (cancel)"))
        }
    }

    @Test("an option may stand before the subcommand as well")
    func optionBeforeSubcommand() async throws {
        try await TestDatabase.with { database in
            let status = try await nightjar("migrate", "--database", database.url, "status")
            #expect(status.status == 0)
        }
    }

    private func withEmptyDatabase(_ body: (String) async throws -> Void) async throws {
        try await TestDatabase.with { database in
            let connection = PostgresSession(database.configuration, logger: .silent)
            try await connection.run { db in try db.script("DROP SCHEMA nightjar, nightjar_report CASCADE") }
            await connection.close()
            try await body(database.url)
        }
    }
}
