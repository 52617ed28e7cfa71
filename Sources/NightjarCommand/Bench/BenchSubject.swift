import Foundation
import Nightjar

/// What the questions about single things are about.
struct BenchSubject: Sendable {
    /// A run that has completed, and its event.
    var run: String
    var event: String
    var failed: String
    var cancelled: String
    var unfinished: String
    var function: String
    var tenant: String
}

extension BenchSubject {
    private var hour: String { "nightjar_report.id_at(now() - interval '1 hour')" }

    /// What people ask of each view: by id, by function, by tenant, of the last hour.
    var questions: [BenchQuestion] {
        var questions: [BenchQuestion] = []
        func ask(_ view: String, _ some: KeyValuePairs<String, String>) {
            for (name, sql) in some {
                questions.append(
                    BenchQuestion(
                        name: "\(view) \(name)",
                        sql: sql.hasPrefix("SELECT ") ? sql : "SELECT * FROM nightjar_report.\(view) \(sql)"))
            }
        }
        ask(
            "runs",
            [
                "by id": "WHERE id = '\(run)'",
                "of an event": "WHERE event_id = '\(event)'",
                "latest 50": "WHERE id >= \(hour) ORDER BY id DESC LIMIT 50",
                "latest 50 without a time": "ORDER BY id DESC LIMIT 50",
                "of a function, last hour":
                    "WHERE id >= \(hour) AND function = '\(function)' ORDER BY id DESC LIMIT 50",
                "of a tenant, last hour": "WHERE id >= \(hour) AND tenant = '\(tenant)' ORDER BY id DESC LIMIT 50",
                "failed, last hour": "WHERE id >= \(hour) AND status = 'failed' ORDER BY id DESC LIMIT 50",
                "by status, last hour":
                    "SELECT status, count(*) FROM nightjar_report.runs WHERE id >= \(hour) GROUP BY status",
            ])
        ask(
            "unfinished",
            [
                "by id": "WHERE id = '\(unfinished)'",
                "by status": "WHERE status = 'running' ORDER BY started_at LIMIT 50",
                "of a function": "WHERE function = '\(function)' ORDER BY id LIMIT 50",
                "of a tenant": "WHERE tenant = '\(tenant)' ORDER BY id LIMIT 50",
                "last hour": "WHERE id >= \(hour) ORDER BY id DESC LIMIT 50",
                "that wake next": "ORDER BY wakes_at LIMIT 50",
            ])
        ask(
            "outcomes",
            [
                "by run": "WHERE run_id = '\(run)'",
                "last hour":
                    """
                SELECT outcome, count(*) FROM nightjar_report.outcomes WHERE ended_at >= now() - interval \
                '1 hour' GROUP BY outcome
                """,
                "of a function, last hour":
                    """
                WHERE ended_at >= now() - interval '1 hour' AND function = '\(function)' ORDER BY ended_at \
                DESC LIMIT 50
                """,
                "of a tenant, last hour":
                    """
                WHERE ended_at >= now() - interval '1 hour' AND tenant = '\(tenant)' ORDER BY ended_at \
                DESC LIMIT 50
                """,
            ])
        ask(
            "failures",
            [
                "by run": "WHERE run_id = '\(failed)'",
                "latest 50": "WHERE failed_at >= now() - interval '1 hour' ORDER BY failed_at DESC LIMIT 50",
                "of a function, last day":
                    """
                WHERE failed_at >= now() - interval '1 day' AND function = '\(function)' ORDER BY \
                failed_at DESC LIMIT 50
                """,
                "of a tenant, last day":
                    """
                WHERE failed_at >= now() - interval '1 day' AND tenant = '\(tenant)' ORDER BY failed_at \
                DESC LIMIT 50
                """,
            ])
        ask(
            "cancellations",
            [
                "by run": "WHERE run_id = '\(cancelled)'",
                "last hour": "WHERE applied_at >= now() - interval '1 hour' ORDER BY applied_at DESC",
                "of a function, last day":
                    """
                WHERE applied_at >= now() - interval '1 day' AND function = '\(function)' ORDER BY \
                applied_at DESC
                """,
                "of a tenant, last day":
                    "WHERE applied_at >= now() - interval '1 day' AND tenant = '\(tenant)' ORDER BY applied_at DESC",
            ])
        ask(
            "steps",
            [
                "by run": "WHERE run_id = '\(run)'",
                "failed, last hour": "WHERE run_id >= \(hour) AND status = 'failed' ORDER BY run_id DESC LIMIT 50",
                "of a function, last hour":
                    "WHERE run_id >= \(hour) AND function = '\(function)' ORDER BY run_id DESC LIMIT 50",
                "of a tenant, last hour":
                    "WHERE run_id >= \(hour) AND tenant = '\(tenant)' ORDER BY run_id DESC LIMIT 50",
            ])
        ask(
            "attempts",
            [
                "by run": "WHERE run_id = '\(run)'",
                "last hour": "WHERE run_id >= \(hour) ORDER BY run_id DESC LIMIT 50",
                "of a function, last day":
                    """
                WHERE run_id >= nightjar_report.id_at(now() - interval '1 day') AND function = \
                '\(function)' ORDER BY run_id DESC LIMIT 50
                """,
            ])
        ask(
            "events",
            [
                "by id": "WHERE id = '\(event)'",
                "of a name, last hour": "WHERE id >= \(hour) AND name = 'shop/\(function)' ORDER BY id DESC LIMIT 50",
                "of a tenant, last hour": "WHERE id >= \(hour) AND tenant = '\(tenant)' ORDER BY id DESC LIMIT 50",
                "latest 50": "ORDER BY id DESC LIMIT 50",
            ])
        ask(
            "waits",
            [
                "by run": "WHERE run_id = '\(unfinished)'",
                "of an event":
                    """
                SELECT purpose, app, function, condition, count(*) FROM nightjar_report.waits WHERE event \
                = 'shop/cancelled' GROUP BY purpose, app, function, condition
                """,
                "of a function": "WHERE function = '\(function)' LIMIT 50",
                "of a tenant":
                    "SELECT event, count(*) FROM nightjar_report.waits WHERE tenant = '\(tenant)' GROUP BY event",
            ])
        ask(
            "functions",
            [
                "all": "",
                "of a tenant": "WHERE tenant = '\(tenant)'",
            ])
        ask(
            "workers",
            [
                "all": ""
            ])
        ask(
            "limits",
            [
                "all": ""
            ])
        ask(
            "lag",
            [
                "all": "",
                "of a tenant": "WHERE tenant = '\(tenant)'",
            ])
        ask(
            "quotas",
            [
                "all": ""
            ])
        ask(
            "throughput",
            [
                "of a function, minutes of an hour":
                    """
                WHERE grain = 'minute' AND at >= now() - interval '1 hour' AND function = '\(function)' \
                ORDER BY at
                """,
                "of a function, hours of a week":
                    """
                WHERE grain = 'hour' AND at >= now() - interval '7 days' AND function = '\(function)' \
                ORDER BY at
                """,
                "of a tenant, days":
                    """
                SELECT at, sum(ended) FROM nightjar_report.throughput WHERE grain = 'day' AND at >= now() \
                - interval '30 days' AND tenant = '\(tenant)' GROUP BY at
                """,
                "last hour of everything": "WHERE grain = 'hour' AND at >= now() - interval '1 hour'",
                "runs in all":
                    "SELECT sum(queued), sum(ended), sum(failed) FROM nightjar_report.throughput WHERE grain = 'day'",
            ])
        ask(
            "step_throughput",
            [
                "of a function, hours of a day":
                    """
                WHERE grain = 'hour' AND at >= now() - interval '1 day' AND function = '\(function)' ORDER \
                BY at
                """,
                "of a tenant, days":
                    "WHERE grain = 'day' AND at >= now() - interval '7 days' AND tenant = '\(tenant)' ORDER BY at",
            ])
        ask(
            "event_throughput",
            [
                "of a name, a week":
                    """
                SELECT at, sum(count) FROM nightjar_report.event_throughput WHERE at >= now() - interval \
                '7 days' AND name = 'shop/\(function)' GROUP BY at ORDER BY at
                """,
                "last hour":
                    """
                SELECT name, sum(count) FROM nightjar_report.event_throughput WHERE at >= now() - interval \
                '1 hour' GROUP BY name ORDER BY 2 DESC LIMIT 20
                """,
            ])
        ask(
            "invariants",
            [
                "of a run": "WHERE run_id = '\(run)'",
                "last 5 minutes": "WHERE run_id >= nightjar_report.id_at(now() - interval '5 minutes')",
            ])
        ask(
            "rollups",
            [
                "all": ""
            ])
        return questions
    }
}
