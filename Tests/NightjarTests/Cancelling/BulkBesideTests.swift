import Foundation
import NightjarTesting
import TestSupport
import Testing

@testable import Nightjar

/// A bulk cancel may have millions of runs to look at; nothing else waits for it.
struct BulkBesideTests {
    @Test("While a chunk of a bulk cancel takes its time, events cancel and the runs of the dead are handed back")
    func beside() async throws {
        let post = Function("post", on: TestJob.self).cancelOn(Stop.self, match: \.key).run { _, step in
            try await step.sleep("long", for: .seconds(86_400))
        }
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            let blocker = PostgresSession(database.configuration, logger: .silent)
            try await RunningWorker.with([post], in: database) { client in
                for key in ["a", "b", "c"] { try await client.send(TestJob(key: key)) }
                try await eventually("all of them sleep") {
                    try await probe.value("SELECT count(*) FROM nightjar.live WHERE state = 2", as: Int64.self) == 3
                }
                // A chunk ends by saying how far it came.
                try await blocker.run { db in
                    try db.script(
                        """
                        CREATE FUNCTION public.linger() RETURNS trigger LANGUAGE plpgsql AS $$
                        BEGIN
                            -- Waiting for the lock would end with the engine's lock_timeout.
                            WHILE NOT pg_try_advisory_xact_lock(4711) LOOP PERFORM pg_sleep(0.02); END LOOP;
                            RETURN NEW;
                        END $$;
                        CREATE TRIGGER linger BEFORE UPDATE ON nightjar.bulk_cancels
                        FOR EACH ROW EXECUTE FUNCTION public.linger()
                        """)
                    try db.script("BEGIN; SELECT pg_advisory_xact_lock(4711)")
                }
                let request = try await client.cancelAll(
                    RunFilter(function: "post", expression: "event.data.key == 'a'"), actor: "ada")
                try await eventually("the chunk waits") {
                    try await probe.value(
                        """
                        SELECT count(*) FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event = 'PgSleep'
                        """, as: Int64.self) > 0
                }

                // Who sends it cannot cancel the run at once, so that is left to the worker.
                let holder = PostgresSession(database.configuration, logger: .silent)
                try await holder.run { db in
                    try db.script(
                        """
                        BEGIN;
                        SELECT FROM nightjar.live
                        WHERE run_id = (SELECT run_id FROM nightjar.live ORDER BY run_id LIMIT 1 OFFSET 1) FOR UPDATE
                        """)
                }
                try await client.send(Stop(key: "b"))
                try await holder.run { db in try db.script("COMMIT") }
                await holder.close()
                try await eventually("the event has cancelled its run") {
                    try await probe.value("SELECT count(*) FROM nightjar.outcomes WHERE status = 3", as: Int64.self)
                        == 1
                }
                let dead = UUID()
                try await probe.run { db in
                    _ = try db.execute(
                        """
                        WITH gone AS (INSERT INTO nightjar.sessions (session_id, name, queue, ttl, dead)
                                      SELECT $1, 'gone', queue, '1 s', true FROM nightjar.functions LIMIT 1)
                        UPDATE nightjar.live SET state = 1, session_id = $1, epoch = epoch + 1, due_at = NULL
                        WHERE run_id = (SELECT max(run_id::text)::uuid FROM nightjar.live)
                        """, [dead])
                }
                try await eventually("the dead session's run is handed back") {
                    try await probe.run { db in
                        try db.query("SELECT count(*) FROM nightjar.live WHERE session_id = $1", [dead])[0].decode(
                            0, as: Int64.self)
                    } == 0
                }
                try await blocker.run { db in try db.script("COMMIT") }
                let end = try await client.carryOut(bulkCancel: request.id)
                #expect(end.state == .done)
                #expect(end.cancelled == 1)
                #expect(try await probe.violations() == [])
            }
            await blocker.close()
        }
    }

    private struct Stop: EventData {
        static let eventName = "test/stop"
        var key: String
    }
}
