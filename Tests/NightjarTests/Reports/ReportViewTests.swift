import Foundation
import NightjarTesting
import PostgresClient
import TestSupport
import Testing

@testable import Nightjar

/// What the views say is what happened.
@Suite(.timeLimit(.minutes(5)))
struct ReportViewTests {
    @Test("Runs of every kind, as the views tell them")
    func figures() async throws {
        try await TestDatabase.with { database in
            let probe = try await ReportData.make(in: database)
            for (question, answer) in Self.answers {
                let lines: [String] = try await probe.reporting { db in try db.query(question).map { try $0.decode(0) }
                }
                #expect(lines == answer, "\(question)")
            }
        }
    }

    private static let answers: [(question: String, answer: [String])] = [
        (
            // Of those that ended: 4 × 2 steps, 2 × 1 that failed, and of the cancelled one a step and the sleep.
            """
            SELECT concat_ws(' ', grain, sum(queued), sum(completed), sum(failed), sum(cancelled), sum(ended), sum(steps), sum(retries))
            FROM nightjar_report.throughput WHERE function = 'handle-order' AND app = 'shop' GROUP BY grain ORDER BY grain
            """, ["day 8 4 2 1 7 12 2", "hour 8 4 2 1 7 12 2", "minute 8 4 2 1 7 12 2"]
        ),
        (
            """
            SELECT concat_ws(' ', grain, step, kind, sum(count), sum(failed), sum(retries)) FROM nightjar_report.step_throughput
            WHERE grain = 'day' GROUP BY grain, step, kind ORDER BY step
            """, ["day reserve run 7 2 2", "day ship run 4 0 0", "day wait sleep 1 0 0"]
        ),
        (
            """
            SELECT concat_ws(' ', name, sum(count), starts_runs, is_matched) FROM nightjar_report.event_throughput
            GROUP BY name, starts_runs, is_matched ORDER BY name
            """, ["shop/lost 2 f f", "shop/order 8 t f", "shop/refund 1 f t"]
        ),
        (
            """
            SELECT concat_ws(' ', status, outcome, cause, event, attempts, steps, error_message, count(*)) FROM nightjar_report.runs
            WHERE tenant = 'default' AND wait_seconds >= 0 AND execution_seconds >= 0 AND due_at >= queued_at
              -- The start is that of the claim's transaction, which may begin before the run is there.
              AND started_at > queued_at - interval '1 minute' AND coalesce(ended_at >= started_at, true)
            GROUP BY status, outcome, cause, event, attempts, steps, error_message ORDER BY status
            """,
            [
                "cancelled cancelled event shop/order 1 2 1", "completed completed shop/order 1 2 4",
                "failed failed shop/order 2 1 step \"reserve\" failed after 2 attempts: OutOfStock: out of stock 2",
                "sleeping shop/order 1 2 1",
            ]
        ),
        (
            """
            SELECT concat_ws(' ', kind, event, policy, was, late_seconds BETWEEN 0 AND 30, due_at > applied_at, executing)
            FROM nightjar_report.cancellations
            """, ["event shop/refund shop/refund match data.id sleeping t t"]
        ),
        (
            "SELECT concat_ws(' ', purpose, event, condition, event_path) FROM nightjar_report.waits",
            ["cancel shop/refund match data.id data.id"]
        ),
        (
            "SELECT concat_ws(' ', status, event, steps, retries, worker, wakes_at > now()) FROM nightjar_report.unfinished",
            ["sleeping shop/order 2 0 t"]
        ),
        (
            "SELECT concat_ws(' ', unfinished, sleeping, ready, overdue, lag_seconds) FROM nightjar_report.lag",
            ["1 1 0 0"]
        ),
        (
            "SELECT concat_ws(' ', app, function, kind, status, triggers, cancel_on) FROM nightjar_report.functions",
            ["shop handle-order native active {shop/order} {\"shop/refund match data.id\"}"]
        ),
        ("SELECT error_message FROM nightjar_report.attempts", ["out of stock", "out of stock"]),
        (
            "SELECT concat_ws(' ', error_name, error_code, count(*)) FROM nightjar_report.failures GROUP BY error_name, error_code",
            ["OutOfStock step_failed 2"]
        ),
        (
            "SELECT concat_ws(' ', outcome, count(*)) FROM nightjar_report.outcomes GROUP BY outcome ORDER BY outcome",
            ["cancelled 1", "completed 4", "failed 2"]
        ),
        (
            "SELECT concat_ws(' ', name, runs, count(*)) FROM nightjar_report.events GROUP BY name, runs ORDER BY name",
            ["shop/lost 0 2", "shop/order 1 8", "shop/refund 0 1"]
        ),
        ("SELECT violated FROM nightjar_report.invariants", []),
    ]

    @Test("What never was, is null: no time of execution of a run that never began, no lag where nobody waits")
    func nulls() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "k")
            let waiting = try await probe.value("SELECT lag_seconds FROM nightjar_report.lag", as: Double?.self)
            #expect(waiting != nil)
            try await probe.send("test/cancel", key: "k")
            try await probe.applyPending()
            let row = try await probe.value(
                """
                SELECT concat_ws(' ', status, attempts, wait_seconds, execution_seconds, started_at,
                                 (SELECT execution_seconds FROM nightjar_report.outcomes))
                FROM nightjar_report.runs
                """, as: String.self)
            #expect(row == "cancelled 0")
            try await probe.rollUp(until: "sum(cancelled)", is: 1)
            let figures = try await probe.value(
                """
                SELECT concat_ws(' ', ended, wait_p95_seconds, execution_p95_seconds, cancel_p95_seconds >= 0)
                FROM nightjar_report.throughput WHERE grain = 'day'
                """, as: String.self)
            #expect(figures == "1 t")
        }
    }

    @Test("Medians and percentiles of the roll-ups are those of the runs, within the width of a bucket")
    func percentiles() async throws {
        try await TestDatabase.with { database in
            let probe = try await ReportData.make(in: database)
            let rows = try await probe.reporting { db in
                try db.query(
                    """
                    WITH run AS (SELECT * FROM nightjar_report.runs WHERE ended_at IS NOT NULL),
                    total AS (SELECT nightjar_report.merge(wait_histogram) AS wait, nightjar_report.merge(execution_histogram) AS execution
                              FROM nightjar_report.throughput WHERE grain = 'minute')
                    SELECT (SELECT percentile_disc(q) WITHIN GROUP (ORDER BY wait_seconds) FROM run),
                           nightjar_report.quantile(total.wait, q),
                           (SELECT percentile_disc(q) WITHIN GROUP (ORDER BY execution_seconds) FROM run),
                           nightjar_report.quantile(total.execution, q)
                    FROM total CROSS JOIN unnest(ARRAY[0.5, 0.95]) AS q
                    """
                ).map { row in try (0..<4).map { try row.decode($0, as: Double.self) } }
            }
            for row in rows {
                #expect(abs(row[1] - row[0]) <= row[0] * 0.045 + 1e-6, "wait \(row[1]) instead of \(row[0])")
                #expect(abs(row[3] - row[2]) <= row[2] * 0.045 + 1e-6, "execution \(row[3]) instead of \(row[2])")
            }
        }
    }

    @Test("Who sees one tenant by row-level security, sees that one in every view")
    func rowLevelSecurity() async throws {
        try await TestDatabase.with { database in
            let probe = try await ReportData.make(in: database)
            try await probe.script(
                """
                INSERT INTO nightjar.tenants (tenant_id, name) VALUES (2, 'other');
                INSERT INTO nightjar.events (tenant_id, name) VALUES (2, 'other/event');
                -- Broken on purpose, in the first tenant.
                INSERT INTO nightjar.live (run_id, event_id, pass, queue, tenant_id, function_id)
                SELECT nightjar.uuid7(), nightjar.uuid7(), 1, 1, 1, f.function_id FROM nightjar.functions f;
                INSERT INTO nightjar.held_slots (key, run_id, tenant_id, function_id, limit_id, whole)
                SELECT nightjar.uuid7(), l.run_id, 1, l.function_id, 0, false FROM nightjar.live l LIMIT 1;
                """)
            let views = try await probe.reporting { db in
                try db.query(
                    """
                    SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'nightjar_report'::regnamespace AND c.relkind = 'v'
                      AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname IN ('tenant_id', 'violated'))
                    """
                ).map { try $0.decode(0, as: String.self) }
            }
            #expect(views.count >= 14)
            try await TestRole.with("nightjar_reporter", boundTo: "other", in: database) { role in
                try await role.connected { session in
                    for view in views {
                        let column = view != "invariants" ? "tenant_id" : "1"
                        let count = "SELECT count(*) FILTER (WHERE \(column) <> 2) FROM nightjar_report.\(view)"
                        let all = try await probe.reporting { db in try db.query(count)[0].decode(0, as: Int64.self) }
                        #expect(all > 0, "\(view) has nothing to hide")
                        let seen = try await session.answer(count)
                        #expect(seen == "0", "\(view)")
                    }
                    let own = try await session.answer("SELECT name FROM nightjar_report.events")
                    #expect(own == "other/event")
                }
            }
        }
    }
}
