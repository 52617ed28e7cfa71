import Foundation
import NightjarTesting
import PostgresClient
import Testing

@testable import Nightjar

@Suite("What a dropped week leaves", .timeLimit(.minutes(2)))
struct RetentionNeedsTests {
    @Test("Whoever may still read an event keeps it: triggers, batches, answers, what is gathered, pending or logged")
    func everyNeed() async throws {
        try await TestDatabase.with { database in
            let probe = try await Probe(database)
            try await probe.makeWeeks(back: 40)
            // Times of one week; each event is named after who needs it.
            try await probe.script(
                """
                SET session_replication_role = replica;
                CREATE FUNCTION public.old(n int) RETURNS uuid LANGUAGE sql AS $$
                    SELECT nightjar.uuid7_floor(date_trunc('week', now() - interval '100 days') + n * interval '1 hour') $$;
                INSERT INTO nightjar.events (event_id, name) VALUES
                    (public.old(1), 'trigger'), (public.old(2), 'batch'), (public.old(3), 'answer'), (public.old(4), 'gathered'),
                    (public.old(5), 'pending'), (public.old(6), 'logged'), (public.old(7), 'nobody'), (public.old(8), 'ended');
                INSERT INTO nightjar.events (event_id, name) SELECT public.old(n), 'nobody' FROM generate_series(20, 60) n;
                INSERT INTO nightjar.live (run_id, event_id, pass, queue, tenant_id, function_id, epoch, state, due_at, batched) VALUES
                    (public.old(11), public.old(1), 1, 1, 1, 1, 1, 2, now(), false),
                    (nightjar.uuid7(), nightjar.uuid7(), 1, 1, 1, 1, 1, 2, now(), true),
                    (public.old(13), nightjar.uuid7(), 1, 1, 1, 1, 0, 0, NULL, false);
                INSERT INTO nightjar.run_events SELECT l.run_id, 1, public.old(2) FROM nightjar.live l WHERE l.batched;
                INSERT INTO nightjar.run_events VALUES (public.old(12), 1, public.old(8));
                INSERT INTO nightjar.open_steps (run_id, step, tenant_id, kind, started_at, due_at, arrived, spec, looked)
                    VALUES (public.old(11), 'w', 1, 4, now(), now(), public.old(3), '{}', true);
                INSERT INTO nightjar.gathered VALUES (1, 1, '', 1, public.old(4), now(), 1, now());
                INSERT INTO nightjar.pending (tenant_id, key, seq, event_id, asked_at) VALUES (1, gen_random_uuid(), 1, public.old(5), now());
                INSERT INTO nightjar.waits (tenant_id, policy_id, key, run_id, since) VALUES (1, 1, public.old(13), public.old(13), 1);
                INSERT INTO nightjar.match_log (log_id, event_id, tenant_id, key, seq) VALUES (public.old(14), public.old(6), 1, public.old(13), 2);
                RESET session_replication_role
                """)
            try await probe.keep(days: 30)
            let results = try #require(
                try await Retention(database: database.configuration, logger: .silent).apply(all: true))
            #expect(results.contains { $0.log == .events && $0.outcome == .emptied(keptRows: 6) }, "\(results)")
            let left = try await probe.value(
                "SELECT string_agg(name, ' ' ORDER BY event_id) FROM nightjar.events", as: String.self)
            #expect(left == "trigger batch answer gathered pending logged")
            await probe.connection.close()
        }
    }

    @Test("A queued run that nobody has claimed finds the key that cancels it, however old")
    func unclaimed() async throws {
        try await TestDatabase.with { database in
            try await Probe.registerPost(in: database)
            let probe = try await Probe(database)
            try await probe.send("test/post", key: "k")
            for key in 0..<5 { try await probe.send("test/cancel", key: "other \(key)") }
            let run = try #require(try await probe.liveRuns().first)
            // Applied before it could see the run: only the log knows.
            try await probe.script(
                """
                INSERT INTO nightjar.match_log (event_id, tenant_id, key, seq)
                SELECT m.event_id, w.tenant_id, w.key, w.since + 1000 FROM nightjar.waits w, nightjar.match_log m LIMIT 1;
                """)
            try await probe.applyPending()
            try await probe.makeWeeks(back: 40)
            try await probe.script("SET enable_seqscan = on; UPDATE nightjar.match_log SET log_id = log_id")
            try await probe.shift([run], by: 100)
            try await probe.script(
                """
                UPDATE nightjar.match_log m SET log_id = public.nightjar_ago(log_id, 100), event_id = public.nightjar_ago(event_id, 100)
                WHERE nightjar.uuid7_time(log_id) > now() - interval '1 day';
                UPDATE nightjar.events SET event_id = public.nightjar_ago(event_id, 100) WHERE nightjar.uuid7_time(event_id) > now() - interval '1 day'
                """)
            try await probe.keep(days: 30)
            let results = try #require(
                try await Retention(database: database.configuration, logger: .silent).apply(all: true))
            #expect(results.contains { $0.log == .matchLog && $0.outcome == .emptied(keptRows: 1) }, "\(results)")
            let claim = try await probe.claim()
            #expect(claim.runs.isEmpty, "a committed event cancels it")
            try await probe.applyPending()
            #expect(try await probe.liveRuns() == [])
            await probe.connection.close()
        }
    }
}
