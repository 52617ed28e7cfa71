extension BenchHistory {
    /// Tenants, their apps and functions, and some workers that live for a day.
    static let identity = """
        INSERT INTO nightjar.tenants (tenant_id, name) SELECT n, 'tenant-' || n FROM generate_series(2, 50) n ON CONFLICT DO NOTHING;
        SELECT setval(pg_get_serial_sequence('nightjar.tenants', 'tenant_id'), 50);
        INSERT INTO nightjar.apps (tenant_id, name, kind) SELECT t.tenant_id, 'shop', 1 FROM nightjar.tenants t WHERE t.tenant_id > 0;
        INSERT INTO nightjar.functions (tenant_id, app_id, queue, name)
        SELECT a.tenant_id, a.app_id, a.app_id, 'job-' || n FROM generate_series(0, 117) n JOIN nightjar.apps a ON a.tenant_id = 1 + n % 50 ORDER BY n;
        INSERT INTO nightjar.function_triggers (tenant_id, function_id, event) SELECT f.tenant_id, f.function_id, 'shop/' || f.name FROM nightjar.functions f;
        INSERT INTO nightjar.cancel_policies (tenant_id, function_id, event, trigger_path, event_path, text, digest)
        SELECT f.tenant_id, f.function_id, 'shop/cancelled', '{data,order}', '{data,order}', 'match data.order', 'bench' FROM nightjar.functions f;
        INSERT INTO nightjar.match_paths (tenant_id, event, path, complete_from)
        SELECT t.tenant_id, 'shop/cancelled', '{data,order}', 0 FROM nightjar.tenants t WHERE t.tenant_id > 0;
        INSERT INTO nightjar.sessions (session_id, name, queue, ttl)
        SELECT gen_random_uuid(), 'host-' || a.app_id, a.app_id, interval '1 day' FROM nightjar.apps a LIMIT 8;
        """

    /// What happens between two moments.
    /// - Parameters:
    ///   - first: the number of its first run.
    ///   - share: one of so many runs has not ended.
    static func story(from start: String, to end: String, first: Int, count: Int, share: Int) -> String {
        """
        CREATE OR REPLACE FUNCTION pg_temp.id(at timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
            SELECT (left(nightjar.uuid7_floor(at)::text, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid $$;
        CREATE TEMP TABLE story AS
        SELECT s.*, pg_temp.id(s.at) AS run_id, pg_temp.id(s.at) AS event_id,
               CASE WHEN s.status = 3 THEN pg_temp.id(s.ended_at - interval '40 ms') END AS cancel_id
        FROM (
            SELECT m.n, 1 + 4 * m.n AS seq, m.at, f.tenant_id, f.function_id, f.queue, f.name AS function,
                   CASE WHEN m.n % \(share) = 7 THEN 0 WHEN m.fate < 0.94 THEN 1 WHEN m.fate < 0.97 THEN 2 ELSE 3 END AS status,
                   m.started_at, CASE WHEN m.sleeps THEN m.started_at + m.nap END AS due_at,
                   CASE WHEN NOT m.sleeps OR m.fate < 0.97 THEN m.started_at + m.took + CASE WHEN m.sleeps THEN m.nap ELSE interval '0' END
                        WHEN m.part < 0.01 THEN m.started_at + m.nap + (m.part * 200 - 1) * interval '1 second'
                        ELSE m.started_at + m.nap * m.part END AS ended_at,
                   m.took, m.fails
            FROM (SELECT n, a.at, a.started_at, a.fate, a.place, a.part, a.fails, a.fate >= 0.97 AND a.part < 0.8 OR a.nap < 0.05 AS sleeps,
                         least((interval '1 minute' + a.long ^ 3 * interval '6 hours'), ('\(end)'::timestamptz - a.started_at) * 0.8) AS nap,
                         least((0.005 + a.place % 12 * 0.04) * exp(2 * (a.g - 2)) * interval '1 second', ('\(end)'::timestamptz - a.started_at) * 0.1) AS took
                  FROM generate_series(\(first)::bigint, \(first)::bigint + \(count) - 1) n
                  CROSS JOIN LATERAL (
                      SELECT b.*, least(b.at + (-ln(1 - b.w) * 0.03 + CASE WHEN b.v < 0.02 THEN 20 * b.w ELSE 0 END) * interval '1 second',
                                        '\(end)'::timestamptz) AS started_at
                      FROM (SELECT '\(start)'::timestamptz + (n - \(first) + random()) * (('\(end)'::timestamptz - '\(start)'::timestamptz) / \(count)) AS at, random() AS fate, random() AS nap, random() AS long,
                                   random() AS part, random() + random() + random() + random() AS g, random() AS w, random() AS v,
                                   floor(118 * random() ^ 2)::int AS place, random() < 0.04 AS fails) b) a) m
            JOIN nightjar.functions f ON f.name = 'job-' || m.place) s;
        ANALYZE story;
        INSERT INTO nightjar.events (event_id, seq, tenant_id, name, data, ts, received_at)
        SELECT e.* FROM (
            SELECT event_id, seq, tenant_id, 'shop/' || function, jsonb_build_object('order', n, 'customer', 'c' || n % 5000, 'note', repeat('x', 80),
                   'page', CASE WHEN n % 100 = 0 THEN (SELECT string_agg(md5((n + i)::text), '') FROM generate_series(1, 250) i) END), at, at FROM story
            UNION ALL
            SELECT cancel_id, seq + 1 + 4 * floor(extract(epoch FROM ended_at - at) / extract(epoch FROM (('\(end)'::timestamptz - '\(start)'::timestamptz) / \(count))))::bigint, tenant_id, 'shop/cancelled',
                   jsonb_build_object('order', n), ended_at - interval '40 ms', ended_at - interval '40 ms' FROM story WHERE status = 3
            UNION ALL
            SELECT pg_temp.id(at), seq + 2, tenant_id, 'page/seen-' || n / 33 % 120, jsonb_build_object('n', n), at, at FROM story WHERE n % 33 = 0) e
        ORDER BY 2;
        SELECT setval('nightjar.event_seq', (SELECT max(seq) + 4 FROM story));
        INSERT INTO nightjar.runs (run_id, tenant_id, function_id, event_id, event_seq, created_at)
        SELECT run_id, tenant_id, function_id, event_id, seq, at FROM story ORDER BY n;
        INSERT INTO nightjar.steps (run_id, step, tenant_id, kind, failed, attempt, output, error, due_at, started_at, ended_at, recorded_at)
        SELECT s.run_id, p.step, s.tenant_id, p.kind, p.kind = 1 AND s.status = 2 AND p.step = 'charge', CASE WHEN s.fails AND p.step = 'charge' THEN 2 ELSE 1 END,
               CASE WHEN p.kind = 1 THEN to_jsonb(s.n) END, CASE WHEN p.kind = 1 AND s.status = 2 AND p.step = 'charge' THEN '{"name": "Declined", "code": "error", "message": "card declined"}'::jsonb END,
               p.due_at, p.began, p.done, p.done
        FROM story s
        CROSS JOIN LATERAL (
            SELECT 'load' AS step, 1 AS kind, NULL::timestamptz AS due_at, s.started_at AS began, s.started_at + s.took * 0.3 AS done
            UNION ALL SELECT 'charge', 1, NULL, coalesce(s.due_at, s.started_at + s.took * 0.3), coalesce(s.due_at, s.started_at + s.took * 0.3) + s.took * 0.6
            WHERE s.status IN (1, 2)
            UNION ALL SELECT 'nap', 2, s.due_at, s.started_at + s.took * 0.3, s.started_at + s.took * 0.3 WHERE s.due_at IS NOT NULL) p
        WHERE s.status IN (1, 2) OR p.done < s.ended_at
        ORDER BY p.done;
        INSERT INTO nightjar.attempts (run_id, step, attempt, tenant_id, error, retry_at, started_at, ended_at)
        SELECT run_id, 'charge', 1, tenant_id, jsonb_build_object('name', 'Timeout', 'code', 'error', 'message', 'no answer from bank ' || n % 20),
               started_at + took * 0.5, started_at + took * 0.3, started_at + took * 0.4 FROM story WHERE fails AND status IN (1, 2);
        INSERT INTO nightjar.outcomes (run_id, tenant_id, function_id, status, started_at, ended_at, output, error, cause)
        SELECT run_id, tenant_id, function_id, status, started_at, ended_at, CASE WHEN status = 1 THEN to_jsonb(n) END,
               CASE WHEN status = 2 THEN jsonb_build_object('name', 'Declined', 'code', 'error', 'message', 'card declined by bank ' || n % 20) END,
               CASE WHEN status = 3 THEN jsonb_build_object('kind', 'event', 'event_id', cancel_id, 'event_name', 'shop/cancelled', 'policy_id',
                    (SELECT policy_id FROM nightjar.cancel_policies p WHERE p.function_id = story.function_id LIMIT 1), 'asked_at', ended_at - interval '40 ms',
                    'applied_at', ended_at, 'was', CASE WHEN due_at IS NULL THEN 'queued' ELSE 'sleeping' END) END
        FROM story WHERE status > 0 ORDER BY ended_at;
        -- What has not ended.
        INSERT INTO nightjar.live (run_id, event_id, session_id, pass, due_at, started_at, queue, tenant_id, function_id, epoch, state)
        SELECT run_id, event_id, CASE WHEN state = 1 THEN (SELECT session_id FROM nightjar.sessions ORDER BY queue, session_id LIMIT 1) END, seq,
               CASE WHEN state >= 2 THEN CASE WHEN n % 3000 < 20 THEN now() - interval '10 seconds' ELSE now() + (n % 1000) * interval '1 hour' END END,
               CASE WHEN state > 0 THEN started_at END, queue, tenant_id, function_id, least(state, 1), state
        FROM (SELECT s.*, CASE WHEN n / \(share) % 100 < 2 THEN 0 WHEN n / \(share) % 100 < 3 THEN 1 WHEN n / \(share) % 100 < 20 THEN 5 ELSE 2 END AS state
              FROM story s WHERE status = 0) s;
        INSERT INTO nightjar.waits (tenant_id, policy_id, key, run_id, since)
        SELECT s.tenant_id, p.policy_id, nightjar.match_key('shop/cancelled', '{data,order}', to_jsonb(s.n)), s.run_id, s.seq
        FROM story s JOIN nightjar.cancel_policies p ON p.function_id = s.function_id WHERE s.status = 0;
        INSERT INTO nightjar.open_steps (run_id, step, tenant_id, kind, searched, looked, started_at, due_at, spec)
        SELECT l.run_id, 'approval', l.tenant_id, 4, true, true, l.started_at, l.due_at, '{"event": "shop/approved"}'
        FROM nightjar.live l JOIN story s ON s.run_id = l.run_id WHERE l.state = 5;
        DROP TABLE story;
        """
    }
}
