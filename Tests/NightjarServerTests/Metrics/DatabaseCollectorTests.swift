import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar
@testable import NightjarMetrics

@Suite("Figures of the database")
struct DatabaseCollectorTests {
    private static func text(_ collector: DatabaseCollector) async throws -> ExposedText {
        try ExposedText(PrometheusText.text(of: await collector.families()))
    }

    @Test("queues are counted to a limit, whatever is in them, and touch a bounded number of pages")
    func bounded() async throws {
        try await TestDatabase.with { database in
            let session = PostgresSession(database.configuration, logger: .silent)
            try await session.run { db in
                try db.script(
                    """
                    INSERT INTO nightjar.apps (tenant_id, name, kind) VALUES (1, 'full', 1), (1, 'empty', 1);
                    INSERT INTO nightjar.live (run_id, event_id, pass, queue, tenant_id, function_id)
                    SELECT nightjar.uuid7(), gen_random_uuid(), n, (SELECT min(app_id) FROM nightjar.apps), 1, 1
                    FROM generate_series(1, 30000) n;
                    INSERT INTO nightjar.live (run_id, event_id, pass, queue, tenant_id, function_id, state, due_at)
                    SELECT nightjar.uuid7(), gen_random_uuid(), n, (SELECT max(app_id) FROM nightjar.apps), 1, 1, 2,
                           now() + interval '1 h'
                    FROM generate_series(1, 30000) n;
                    INSERT INTO nightjar.live (run_id, event_id, pass, queue, tenant_id, function_id, state, due_at)
                    VALUES (nightjar.uuid7(), gen_random_uuid(), 1, (SELECT max(app_id) FROM nightjar.apps), 1, 1, 2,
                            now() - interval '90 s');
                    ANALYZE nightjar.live
                    """)
            }
            let collector = DatabaseCollector(
                database: database.configuration, byTenant: true, maximumAge: .zero, rest: 0, logger: .silent)
            let text = try await Self.text(collector)
            #expect(text.value("nightjar_queue_depth", ["app": "full", "state": "new", "tenant": "1"]) == 10_000)
            #expect(text.value("nightjar_queue_depth", ["app": "empty", "state": "due", "tenant": "1"]) == 1)
            let lag = try #require(
                text.value("nightjar_due_lag_seconds", ["app": "empty", "state": "due", "tenant": "1"]))
            #expect((90...900).contains(lag))
            #expect(text.value("nightjar_queue_depth", ["app": "empty", "state": "new"]) == 0)
            #expect(text.value("nightjar_workers", ["app": "full"]) == 0)
            try await eventually("the statistics have arrived") {
                try await Self.text(collector).value("nightjar_table_rows", ["table": "live"]) ?? 0 > 50_000
            }

            // As many more runs do not make it dearer.
            let plan = try await session.run { db in
                try db.script(
                    "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"
                )
                return try db.query(
                    "EXPLAIN (ANALYZE, BUFFERS) " + Statement.metricsQueues.sql.replacing("$1", with: "100")
                )
                .map { try $0.decode(0, as: String.self) }
            }
            let pages = try #require(
                plan.first { $0.contains("Buffers:") }?.firstMatch(of: /hit=(\d+)/).flatMap { Int($0.1) })
            #expect(pages < 1_000, "\(plan.joined(separator: "\n"))")
            await session.close()
            await collector.close()
        }
    }

    @Test("who keeps vacuum from its work is named")
    func horizon() async throws {
        try await TestDatabase.with { database in
            var configuration = database.configuration
            configuration.applicationName = "forgotten \"report\""
            let holder = PostgresSession(configuration, logger: .silent)
            try await holder.run { db in
                try db.script("BEGIN ISOLATION LEVEL REPEATABLE READ")
                _ = try db.query("SELECT 1")
            }
            let collector = DatabaseCollector(
                database: database.configuration, byTenant: true, maximumAge: .zero, rest: 0, logger: .silent)
            // Other tests have transactions on this server, too: whose is the oldest is theirs to change.
            try await eventually("it is named") {
                try await Self.text(collector).values.keys.contains {
                    $0.name == "nightjar_horizon_age_seconds" && $0.labels["kind"] == "backend"
                        && $0.labels["holder"]?.contains(#"forgotten \"report\""#) == true
                }
            }
            await holder.close()
            await collector.close()
        }
    }

    @Test("many who ask at once share an answer")
    func shared() async throws {
        try await TestDatabase.with { database in
            let collector = DatabaseCollector(
                database: database.configuration, byTenant: true, maximumAge: .seconds(600), logger: .silent)
            let answers = await withTaskGroup { group in
                for _ in 0..<20 { group.addTask { PrometheusText.text(of: await collector.families()) } }
                return await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            #expect(answers.count == 1)
            await collector.close()
        }
    }

    @Test("without the database, the rest is told, and that it is down; a part that may not be read is missing alone")
    func failing() async throws {
        let log = LoggedLines()
        let nowhere = try PostgresConfiguration(url: "postgres://nobody@127.0.0.1:1/none")
        let collector = DatabaseCollector(
            database: nowhere, byTenant: true, maximumAge: .zero, rest: 0, logger: log.logger)
        _ = await collector.families()
        let down = try await Self.text(collector)
        #expect(down.value("nightjar_database_up") == 0)
        #expect(down.value("nightjar_database_read_failures_total", ["part": "server"]) == 2)
        #expect(log.lines.count == 1, "\(log.lines)")
        await collector.close()

        try await TestDatabase.with { database in
            let session = PostgresSession(database.configuration, logger: .silent)
            try await session.run { db in try db.script("ALTER TABLE nightjar.pending RENAME TO elsewhere") }
            await session.close()
            let collector = DatabaseCollector(database: database.configuration, byTenant: true, logger: .silent)
            let text = try await Self.text(collector)
            #expect(text.value("nightjar_pending") == nil)
            #expect(text.value("nightjar_database_up") == 1)
            #expect(text.value("nightjar_database_read_failures_total", ["part": "server"]) == 1)
            #expect(text.value("nightjar_table_dead_rows", ["table": "live"]) != nil)
            await collector.close()
        }
    }
}
