import Foundation
import PostgresClient

@testable import Nightjar

/// What happened long ago, as it stands in the database.
extension Probe {
    /// Makes the logs' partitions of the weeks before this one, as they were made then.
    func makeWeeks(back weeks: Int) async throws {
        try await script(
            """
            DO $$
            DECLARE
                week timestamptz;
                log  text;
                part text;
            BEGIN
                FOR i IN 2 .. \(weeks) LOOP
                    week := date_trunc('week', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' - i * interval '7 days';
                    FOREACH log IN ARRAY ARRAY['events', 'match_log', 'runs', 'steps', 'attempts', 'outcomes'] LOOP
                        part := log || '_' || to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD');
                        EXECUTE format('CREATE TABLE nightjar.%I (LIKE nightjar.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, log);
                        EXECUTE format('ALTER TABLE nightjar.%I ATTACH PARTITION nightjar.%I FOR VALUES FROM (%L) TO (%L)',
                            log, part, nightjar.uuid7_floor(week), nightjar.uuid7_floor(week + interval '7 days'));
                    END LOOP;
                END LOOP;
            END $$
            """)
    }

    /// Moves runs, with all that belongs to them, into the past.
    func shift(_ runs: [UUID], by days: Int) async throws {
        let ago = "nightjar_ago"
        let list = "'{\(runs.map(\.uuidString).joined(separator: ","))}'::uuid[]"
        try await script(
            """
            SET enable_seqscan = on;
            CREATE OR REPLACE FUNCTION public.\(ago)(id uuid, days int) RETURNS uuid LANGUAGE sql AS $$
                SELECT encode(overlay(uuid_send(id) PLACING substring(int8send(
                    (extract(epoch FROM nightjar.uuid7_time(id) - days * interval '1 day') * 1000)::bigint) FROM 3) FROM 1 FOR 6), 'hex')::uuid
            $$;
            CREATE TEMP TABLE moved AS SELECT r.run_id, r.event_id FROM nightjar.runs r WHERE r.run_id = ANY (\(list));
            UPDATE nightjar.match_log m SET log_id = public.\(ago)(log_id, \(days)), event_id = public.\(ago)(event_id, \(days))
                WHERE event_id IN (SELECT event_id FROM moved);
            UPDATE nightjar.events SET event_id = public.\(ago)(event_id, \(days)), received_at = received_at - \(days) * interval '1 day',
                ts = ts - \(days) * interval '1 day' WHERE event_id IN (SELECT event_id FROM moved);
            UPDATE nightjar.runs SET run_id = public.\(ago)(run_id, \(days)), event_id = public.\(ago)(event_id, \(days)),
                created_at = created_at - \(days) * interval '1 day' WHERE run_id IN (SELECT run_id FROM moved);
            UPDATE nightjar.live SET run_id = public.\(ago)(run_id, \(days)), event_id = public.\(ago)(event_id, \(days))
                WHERE run_id IN (SELECT run_id FROM moved);
            UPDATE nightjar.waits SET run_id = public.\(ago)(run_id, \(days)) WHERE run_id IN (SELECT run_id FROM moved);
            UPDATE nightjar.open_steps SET run_id = public.\(ago)(run_id, \(days)) WHERE run_id IN (SELECT run_id FROM moved);
            UPDATE nightjar.newcomers SET run_id = public.\(ago)(run_id, \(days)) WHERE run_id IN (SELECT run_id FROM moved);
            UPDATE nightjar.interruptions SET run_id = public.\(ago)(run_id, \(days)) WHERE run_id IN (SELECT run_id FROM moved);
            UPDATE nightjar.run_events SET run_id = public.\(ago)(run_id, \(days)) WHERE run_id IN (SELECT run_id FROM moved);
            UPDATE nightjar.steps SET run_id = public.\(ago)(run_id, \(days)), started_at = started_at - \(days) * interval '1 day',
                ended_at = ended_at - \(days) * interval '1 day', recorded_at = recorded_at - \(days) * interval '1 day'
                WHERE run_id IN (SELECT run_id FROM moved);
            UPDATE nightjar.attempts SET run_id = public.\(ago)(run_id, \(days)) WHERE run_id IN (SELECT run_id FROM moved);
            UPDATE nightjar.outcomes SET run_id = public.\(ago)(run_id, \(days)), ended_at = ended_at - \(days) * interval '1 day'
                WHERE run_id IN (SELECT run_id FROM moved);
            DROP TABLE moved;
            RESET enable_seqscan
            """)
    }

    /// Keeps every log for so many days.
    func keep(days: Int) async throws {
        for log in RetentionLog.allCases {
            try await run { db in try RetentionPolicy.set(db, log.rawValue, keep: "\(days) days", tenant: nil) }
        }
    }

    /// How many tables there are for the weeks of a log.
    func partitions(of log: String) async throws -> Int64 {
        try await value(
            "SELECT count(*) FROM pg_class WHERE relnamespace = 'nightjar'::regnamespace AND relname ~ ('^' || $1 || '_[0-9]{8}$')",
            [log])
    }

    /// All rows of a log as text, in order.
    func rows(_ log: String, of runs: [UUID]) async throws -> [String] {
        try await reporting { db in
            try db.query("SELECT t::text FROM nightjar.\(log) t WHERE run_id = ANY ($1) ORDER BY 1", [runs]).map {
                try $0.decode(0)
            }
        }
    }

    /// The unfinished runs, by their ids.
    func liveRuns() async throws -> [UUID] {
        try await run { db in try db.query("SELECT run_id FROM nightjar.live ORDER BY run_id").map { try $0.decode(0) }
        }
    }
}
