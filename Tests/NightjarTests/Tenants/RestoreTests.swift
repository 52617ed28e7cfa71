import Foundation
import LocalPostgres
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

/// A database with tenants that is dumped and restored is as it was.
struct RestoreTests {
    private static func execute(_ program: String, _ arguments: [String]) throws {
        let process = Process()
        process.executableURL = try PostgresInstallation.find().binaries.appending(path: program)
        process.arguments = arguments
        let error = Pipe()
        process.standardError = error
        try process.run()
        let text = String(decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "\(program): \(text)")
    }

    @Test("Bonds, limits, keys and a suspension survive pg_dump and pg_restore; tenants are sealed as before")
    func restore() async throws {
        try await TestDatabase.with { database in
            _ = try await SealTests.prepare(database)
            let tenants = Tenants(database: database.configuration, logger: .silent)
            try await tenants.change("shop") { limits in
                limits.liveRuns = 2
                limits.eventsPerSecond = 100
                limits.outputBytes = 4_000
            }
            let key = try await tenants.createSigningKey(for: "shop")
            try await tenants.suspend("cafe", reason: "unpaid")
            await tenants.close()
            try await TestRole.with("nightjar_tenant", boundTo: "shop", in: database) { role in
                try await withTemporaryDirectory { directory in
                    let file = directory.appending(path: "dump").path(percentEncoded: false)
                    try Self.execute("pg_dump", ["--format=custom", "--file=\(file)", "--dbname=\(database.url)"])
                    let copy = try await TestDatabase.make()
                    let owner = PostgresSession(copy.configuration, logger: .silent)
                    try await owner.script("DROP SCHEMA nightjar, nightjar_report CASCADE")
                    await owner.close()
                    try Self.execute(
                        "pg_restore", ["--exit-on-error", "--single-transaction", "--dbname=\(copy.url)", file])
                    try await Self.check(copy, role, key)
                    await copy.drop()
                }
            }
        }
    }

    private static func check(_ copy: TestDatabase, _ role: TestRole, _ key: String) async throws {
        let state = try await Migrator(copy.configuration, logger: .silent).state()
        #expect(throws: Never.self) { try state.checkCurrent() }
        let owner = PostgresSession(copy.configuration, logger: .silent)
        let stored = try await owner.answer("SELECT key FROM nightjar.signing_keys WHERE tenant_id = 2")
        #expect(stored == key)
        let open = try await owner.answer(
            """
            SELECT c.oid::regclass::text FROM pg_class c
            WHERE c.relnamespace = 'nightjar'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relrowsecurity
              AND c.relname <> 'migrations'
            """)
        #expect(open == "")
        let cafe = try await owner.answer(
            "SELECT state || ' ' || reason || ' ' || (SELECT max(queue) < 0 FROM nightjar.functions f WHERE f.tenant_id = t.tenant_id) "
                + "FROM nightjar.tenants t WHERE name = 'cafe'")
        #expect(cafe == "2 unpaid true")
        var configuration = copy.configuration
        configuration.keywords["user"] = role.name
        let bound = PostgresSession(configuration, logger: .silent)
        try await bound.script("SET nightjar.tenant = 'cafe'")
        for table in ["events", "runs", "live", "steps", "outcomes", "tenants"] {
            // 0: what stands for all tenants is no secret.
            let seen = try await bound.answer(
                "SELECT string_agg(DISTINCT tenant_id::text, ',') FROM nightjar.\(table) WHERE tenant_id > 0")
            #expect(seen == "2", "\(table)")
        }
        let forged = try await bound.answer("INSERT INTO nightjar.events (tenant_id, name) VALUES (3, 'a/b')")
        #expect(forged.hasPrefix("42501"), "\(forged)")
        let sent = try await bound.answer("SELECT nightjar.send('test/post', '{\"key\": \"restored\"}')")
        #expect(sent.count == 36, "\(sent)")
        // It counts at most once a second, and has counted before this one.
        try await owner.script("UPDATE nightjar.tenant_usage SET counted_at = '-infinity'")
        let many = try await bound.answer("SELECT nightjar.send('test/post')")
        #expect(many.hasPrefix("NJ003"), "\(many)")
        try await owner.script("SET nightjar.tenant = 'cafe'")
        let refused = try await owner.answer("SELECT nightjar.send('test/post')")
        #expect(refused.hasPrefix("NJ001"), "\(refused)")
        let large = try await owner.answer(
            """
            INSERT INTO nightjar.outcomes (run_id, tenant_id, function_id, status, error)
            SELECT run_id, tenant_id, function_id, 2, jsonb_build_object('message', repeat('x', 9000)) FROM nightjar.live
            WHERE tenant_id = 2 LIMIT 1 RETURNING (octet_length(error::text) <= 4000)::text
            """)
        #expect(large == "true", "\(large)")
        await bound.close()
        await owner.close()
    }
}
