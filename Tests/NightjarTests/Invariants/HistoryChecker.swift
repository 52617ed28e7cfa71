import Foundation
import Testing

@testable import Nightjar

/// Compares what a history wrote down with what the database recorded.
struct HistoryChecker {
    let probe: Probe
    let journal: Journal

    func counts() async throws -> [String: Int] {
        let rows = try await probe.reporting { db in
            try db.query("SELECT status, count(*) FROM nightjar.run_status GROUP BY 1").map {
                (try $0.decode(0, as: String.self), Int(try $0.decode(1, as: Int64.self)))
            }
        }
        return Dictionary(uniqueKeysWithValues: rows)
    }

    /// Invariant 7: every event that is there started its run; the view counts those that started two.
    func eventsWithoutRun() async throws -> Int64 {
        try await probe.reporting { db in
            try db.query(
                """
                SELECT count(*) FROM nightjar.events e LEFT JOIN nightjar.runs r USING (event_id)
                WHERE e.name IN ('history/post', 'history/child') AND r.run_id IS NULL
                """)[0].decode(0)
        }
    }

    /// Invariant 7: what was acknowledged is there.
    func acknowledgedEventsThatAreMissing() async throws -> Int64 {
        try await load()
        return try await probe.value(
            "SELECT count(*) FROM acknowledged a LEFT JOIN nightjar.events e USING (event_id) WHERE e.event_id IS NULL")
    }

    /// Invariants 5 and 6: an outcome whose commit began after a later matching event was acknowledged.
    func endsAfterAcknowledgedCancel() async throws -> [String] {
        try await offenders(
            """
            -- A completed run's last step is recorded by the statement that ends it, with the time of its beginning.
            SELECT p.run_id::text || ' ended ' || o.ended_at || ', cancel acknowledged ' || p.at
            FROM (SELECT p.run_id, min(c.at) AS at FROM cancels c JOIN posts p ON p.key = c.key AND p.seq < c.seq GROUP BY 1) p
            JOIN nightjar.outcomes o ON o.run_id = p.run_id
            JOIN nightjar.steps s ON s.run_id = p.run_id AND s.step = 'b'
            WHERE o.status IN (1, 2) AND s.recorded_at > p.at
            """)
    }

    /// Invariant 5, for steps.
    func stepsAfterAcknowledgedCancel() async throws -> [String] {
        try await offenders(
            """
            SELECT s.run_id::text || ' ' || s.step
            FROM (SELECT p.run_id, min(c.at) AS at FROM cancels c JOIN posts p ON p.key = c.key AND p.seq < c.seq GROUP BY 1) p
            JOIN nightjar.steps s ON s.run_id = p.run_id
            WHERE s.recorded_at > p.at
            """)
    }

    /// Invariant 3: an execution of a step that began after the step was recorded.
    func executionsAfterTheirRecord() async throws -> [String] {
        let recorded = try await probe.reporting { db in
            try db.query("SELECT run_id::text || ' ' || step, recorded_at FROM nightjar.steps WHERE kind = 1").map {
                (try $0.decode(0, as: String.self), try $0.decode(1, as: Date.self))
            }
        }
        let executions = journal.executions
        return recorded.compactMap { step, at in
            let late = (executions[step] ?? []).filter { $0 > at }
            return late.isEmpty ? nil : "\(step) recorded \(at), executed \(late)"
        }
    }

    private func offenders(_ sql: String) async throws -> [String] {
        try await probe.reporting { db in try db.query(sql + " LIMIT 20").map { try $0.decode(0, as: String.self) } }
    }

    private func load() async throws {
        let all = journal.acknowledgements
        try await probe.reporting { db in
            try db.script("CREATE TEMP TABLE acknowledged (event_id uuid, at timestamptz)")
            for start in stride(from: 0, to: all.count, by: 5_000) {
                let part = all[start..<min(start + 5_000, all.count)]
                try db.execute(
                    "INSERT INTO acknowledged SELECT * FROM unnest($1::uuid[], $2::timestamptz[])",
                    [part.map(\.event), part.map(\.at)])
            }
            // Tables of their own: the planner cannot know how many events share a key.
            try db.script(
                """
                CREATE TEMP TABLE posts AS
                    SELECT t.data ->> 'key' AS key, t.seq, r.run_id
                    FROM nightjar.events t JOIN nightjar.runs r ON r.event_id = t.event_id WHERE t.name = 'history/post';
                CREATE TEMP TABLE cancels AS
                    SELECT c.data ->> 'key' AS key, c.seq, a.at
                    FROM acknowledged a JOIN nightjar.events c ON c.event_id = a.event_id
                    WHERE c.name IN ('history/post', 'history/cancel');
                ANALYZE acknowledged; ANALYZE posts; ANALYZE cancels
                """)
        }
    }
}
