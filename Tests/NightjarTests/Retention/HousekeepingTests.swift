import Foundation
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

@Suite("Housekeeping", .timeLimit(.minutes(2)))
struct HousekeepingTests {
    @Test(
        "a worker drops the weeks that are due, erases what was asked for, and sweeps for tenants with shorter policies"
    )
    func worker() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.makeWeeks(back: 12)
            try await probe.run { db in try RetentionPolicy.set(db, "runs", keep: "30 days", tenant: nil) }
            try await probe.run { db in try RetentionPolicy.set(db, "events", keep: "5 days", tenant: "default") }
            try await probe.script(
                """
                INSERT INTO nightjar.tenants (name) VALUES ('other');
                INSERT INTO nightjar.events (event_id, name, data) VALUES
                    (nightjar.uuid7_floor(now() - interval '7 days'), 'x/old', '{}'), (nightjar.uuid7(), 'x/new', '{"key": "ada"}'),
                    (nightjar.uuid7(), 'x/new', '{"key": "bob"}')
                """)
            _ = try await probe.run { db in
                try Erasure.request(
                    db, .value(path: "data.key", json: "\"ada\""), cancels: false, actor: "test", reason: nil)
            }
            let before = try await probe.partitions(of: "runs")
            try await RunningWorker.with([Blog().publishPost], in: database) { _ in
                try await eventually("weeks are dropped") { try await probe.partitions(of: "runs") < before - 4 }
                try await eventually("the old and the erased are gone") { try await probe.count("events") == 1 }
            }
            #expect(try await probe.count("events", where: "data ->> 'key' = 'bob'") == 1)
            #expect(try await probe.partitions(of: "events") > before - 1, "the other tenant keeps them for ever")
            await probe.connection.close()
        }
    }

    @Test("what goes wrong with one kind of deletion keeps nobody from the others")
    func independent() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.script(
                """
                CREATE OR REPLACE FUNCTION nightjar.sweep(chunk int DEFAULT 2000) RETURNS TABLE (examined int, deleted int, more boolean)
                LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the disk smokes'; END $$;
                INSERT INTO nightjar.retention_weeks (log, week, dropped_at) VALUES ('runs', '2020-01-06', now() - interval '2 years')
                """)
            try await RunningWorker.with([Blog().publishPost], in: database) { _ in
                try await eventually("it is tidied up") { try await probe.count("retention_weeks") == 0 }
            }
            await probe.connection.close()
        }
    }

    @Test("of two at once one works and the other does not wait")
    func two() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.makeWeeks(back: 12)
            try await probe.keep(days: 30)
            let others = PostgresSession(database.configuration, logger: .silent)
            try await others.run { db in _ = try db.query("SELECT pg_advisory_lock(hashtext('nightjar.retention'))") }
            let retention = Retention(database: database.configuration, logger: .silent)
            let busy = try await retention.apply(all: true)
            #expect(busy == nil)
            await others.close()
            try await eventually("the lock is free") { try await retention.apply(all: true)?.isEmpty == false }
            await probe.connection.close()
        }
    }

    @Test("a role that does not own the logs leaves them to others, and says so when a person asks")
    func notOwner() async throws {
        try await TestDatabase.with { database in
            let role = "nj_retention_\(UUID().uuidString.prefix(8).lowercased())"
            let probe = try await Probe(database)
            try await probe.makeWeeks(back: 12)
            try await probe.keep(days: 30)
            try await probe.script("CREATE ROLE \(role) LOGIN; GRANT USAGE ON SCHEMA nightjar TO \(role)")
            var configuration = database.configuration
            configuration.keywords["user"] = role
            let retention = Retention(database: configuration, logger: .silent)
            let nothing = try await retention.apply(all: false)
            #expect(nothing == [])
            let error = await #expect(throws: NightjarError.self) { try await retention.apply(all: true) }
            #expect(error?.message.contains("only the owner of the logs") == true)
            try await probe.script("REVOKE USAGE ON SCHEMA nightjar FROM \(role); DROP ROLE \(role)")
            await probe.connection.close()
        }
    }
}
