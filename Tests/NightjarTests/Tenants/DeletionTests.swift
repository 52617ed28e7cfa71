import Foundation
import NightjarCore
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// Tenants deleted with all that they have.
struct DeletionTests {
    /// How many rows each table has of a tenant, as far as there are any.
    private static let rows = """
        CREATE OR REPLACE FUNCTION public.rows_of(tenant int) RETURNS text LANGUAGE plpgsql AS $$
        DECLARE t regclass; n bigint; all_of text := ''; BEGIN
            FOR t IN SELECT c.oid FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
                     WHERE c.relnamespace = 'nightjar'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                       AND c.relname NOT IN ('tenants', 'role_tenants')
                       -- Workers roll up meanwhile.
                       AND (tenant = 2 OR c.relname NOT LIKE '%rollups') ORDER BY c.relname LOOP
                EXECUTE 'SELECT count(*) FROM ' || t || ' WHERE tenant_id = $1' INTO n USING tenant;
                all_of := all_of || CASE WHEN n > 0 THEN ' ' || t || ' ' || n ELSE '' END;
            END LOOP;
            RETURN all_of;
        END $$
        """

    @Test("Beside a running worker: what executes is stopped, nothing is left, nobody else loses anything")
    func beside() async throws {
        try await TestDatabase.with { database in
            let probe = try await SealTests.prepare(database)
            try await probe.script(Self.rows)
            let others = try await probe.value("SELECT public.rows_of(3)", as: String.self)
            var configuration = database.configuration
            configuration.settings["nightjar.tenant"] = "shop"
            let tenants = Tenants(database: database.configuration, logger: .silent)
            let (started, stopped) = (Signal(), Signal())
            let hold = Function("hold", on: TestJob.self).run { _, step in
                try await step.run("hold") {
                    started.set()
                    await stopped.untilCancelled()
                }
            }
            let sleep = Function("sleep", on: PostScheduled.self).cancelOn(PostCancelled.self, match: \.postID).run {
                event, step in
                _ = try await step.run("before") { "recorded" }
                try await step.sleep("sleep", until: event.data.scheduledAt)
            }
            try await TestRole.with("nightjar_tenant", boundTo: "shop", in: database) { role in
                try await RunningWorker.with([hold, sleep], in: database.reached(by: configuration)) { client in
                    try await client.send(TestJob(key: "a"))
                    for number in 0..<30 {
                        try await client.send(
                            PostScheduled(postID: "\(number)", scheduledAt: Date(timeIntervalSinceNow: 3_600)))
                    }
                    try await started.wait()
                    try await eventually("the others sleep") { try await probe.count("live", where: "state = 2") == 30 }
                    // Interrupted after its first chunks, and taken up by another.
                    for _ in 0..<3 { try await probe.script("SELECT nightjar.delete_tenant('shop', most => 7)") }
                    let refused = try await role.connected { try await $0.answer("SELECT nightjar.send('test/post')") }
                    #expect(refused.hasPrefix("NJ002"), "\(refused)")
                    await #expect { try await client.send(TestJob(key: "b")) } throws: {
                        ($0 as? NightjarError)?.code == .tenantDeleted
                    }
                    #expect(try await tenants.tenant("shop")?.state == .deleting)
                    try await tenants.delete("shop")
                    try await stopped.wait()
                }
                let left = try await probe.value("SELECT public.rows_of(2)", as: String.self)
                #expect(left == "")
                #expect(try await probe.value("SELECT public.rows_of(3)", as: String.self) == others)
                for table in ["runs", "events", "steps", "live", "waits"] {
                    #expect(try await probe.count(table) > 0, "\(table)")
                }
                #expect(try await probe.violations() == [])

                // Bound to it, a role is nobody, and not somebody else.
                try await role.connected { db in
                    let tenant = try await db.answer("SELECT nightjar.current_tenant()::text")
                    #expect(tenant == "2")
                    #expect(try await db.answer("INSERT INTO nightjar.events (name) VALUES ('a/b')").hasPrefix("NJ002"))
                    #expect(try await db.answer("SELECT count(*)::text FROM nightjar.events") == "0")
                }
            }
            // Its number takes no functions any more; its name is free.
            await #expect {
                try await probe.script("SET nightjar.tenant = '2'; SELECT nightjar.register('again', '[]')")
            } throws: {
                ($0 as? PostgresError)?.sqlState == .tenantDeleted
            }
            try await probe.script("RESET nightjar.tenant")
            let gone = try await tenants.tenant("shop")
            #expect(gone == nil)
            #expect(try await tenants.create("shop").id > 3)
            #expect(try await tenants.list(deleted: true).map(\.state).filter { $0 == .deleted }.count == 1)
            await #expect { try await tenants.delete("default") } throws: {
                ($0 as? NightjarError)?.code == .invalidTenant
            }
            await #expect { try await tenants.delete("nobody") } throws: {
                ($0 as? NightjarError)?.code == .unknownTenant
            }
            await tenants.close()
        }
    }

    @Test("What an open transaction has sent before is deleted too, once it has committed")
    func openSender() async throws {
        try await TestDatabase.with { database in
            let probe = try await SealTests.prepare(database)
            try await probe.script(Self.rows)
            let sender = try await Probe(database)
            try await sender.script("SET nightjar.tenant = 'shop'; BEGIN")
            try await sender.send("test/post", key: "late")
            let step = { @Sendable in
                try await probe.value("SELECT stage FROM nightjar.delete_tenant('shop')", as: String.self)
            }
            for _ in 0..<5 { #expect(try await step() == "runs") }
            try await sender.script("COMMIT")
            try await eventually("it is deleted") { try await step() == "deleted" }
            #expect(try await probe.value("SELECT public.rows_of(2)", as: String.self) == "")
        }
    }
}
