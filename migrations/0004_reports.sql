-- Nightjar 0004: what follows a failed outcome; how runs are read in SQL; what must never be seen.
SET LOCAL client_min_messages = warning;

-- A function with a failure handler: its failed outcome and the event that starts the handler commit together, whoever
-- wrote the outcome. Locks: none but those of the insert (see 0003). Indexes: function_triggers_source, runs_pkey, events_pkey.
CREATE FUNCTION nightjar.outcome_recorded() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM recorded o WHERE o.status = 2) THEN
        RETURN NULL;
    END IF;
    INSERT INTO nightjar.events (tenant_id, name, data)
    SELECT o.tenant_id, 'inngest/function.failed', jsonb_build_object(
               'function_id', a.name || '-' || f.name, 'run_id', o.run_id, 'error', o.error,
               'event', e.body, 'events', jsonb_build_array(e.body),
               '_nightjar', jsonb_build_object('function', o.function_id))
    FROM recorded o
    JOIN nightjar.functions f ON f.function_id = o.function_id
    JOIN nightjar.apps a ON a.app_id = f.app_id
    CROSS JOIN LATERAL (SELECT r.event_id FROM nightjar.runs r WHERE r.run_id = o.run_id LIMIT 1) r
    CROSS JOIN LATERAL (
        SELECT jsonb_build_object('id', coalesce(e.id, e.event_id::text), 'name', e.name, 'data', e.data, 'user', e."user",
                                  'ts', CASE WHEN isfinite(e.ts) THEN floor(extract(epoch FROM e.ts) * 1000)::bigint END) AS body
        FROM nightjar.events e WHERE e.event_id = r.event_id LIMIT 1) e
    WHERE o.status = 2 AND EXISTS (SELECT FROM nightjar.function_triggers t WHERE t.source = o.function_id);
    RETURN NULL;
END $$;
CREATE TRIGGER outcome_recorded AFTER INSERT ON nightjar.outcomes
    REFERENCING NEW TABLE AS recorded FOR EACH STATEMENT EXECUTE FUNCTION nightjar.outcome_recorded();

-- Every run, one row, with its status in words. Filter by run_id (or its time, through uuid7_floor) to prune partitions.
CREATE VIEW nightjar.run_status AS
SELECT r.run_id, r.tenant_id, a.name AS app, f.name AS function,
       CASE o.status WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' WHEN 3 THEN 'cancelled'
            ELSE (ARRAY['queued', 'running', 'sleeping', 'retrying', 'scheduled'])[l.state + 1] END AS status,
       r.event_id, r.event_seq, r.created_at, coalesce(o.started_at, l.started_at) AS started_at, o.ended_at,
       l.due_at, l.session_id, o.output, o.error, o.cause
FROM nightjar.runs r
JOIN nightjar.functions f ON f.function_id = r.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
LEFT JOIN nightjar.live l ON l.run_id = r.run_id
LEFT JOIN nightjar.outcomes o ON o.run_id = r.run_id;

-- Must be empty, after any commit and in any snapshot. It reads everything: for tests, doctors and incidents.
CREATE VIEW nightjar.invariants AS
SELECT 'a run has exactly one live row or one outcome' AS violated, r.run_id,
       CASE WHEN l.run_id IS NULL THEN 'neither' ELSE 'both' END AS detail
FROM nightjar.runs r
LEFT JOIN nightjar.live l ON l.run_id = r.run_id
LEFT JOIN nightjar.outcomes o ON o.run_id = r.run_id
WHERE (l.run_id IS NULL) = (o.run_id IS NULL)
UNION ALL
SELECT 'a live row belongs to a run', l.run_id, NULL
FROM nightjar.live l LEFT JOIN nightjar.runs r ON r.run_id = l.run_id WHERE r.run_id IS NULL
UNION ALL
SELECT 'an outcome belongs to a run', o.run_id, NULL
FROM nightjar.outcomes o LEFT JOIN nightjar.runs r ON r.run_id = o.run_id WHERE r.run_id IS NULL
UNION ALL
SELECT 'a wait belongs to a live run of its tenant', w.run_id, w.key::text
FROM nightjar.waits w LEFT JOIN nightjar.live l ON l.run_id = w.run_id AND l.tenant_id = w.tenant_id
WHERE l.run_id IS NULL
UNION ALL
SELECT 'exactly a leased run has a session', l.run_id, l.state::text
FROM nightjar.live l WHERE (l.state = 1) <> (l.session_id IS NOT NULL)
UNION ALL
SELECT 'a lease names a session that is known', l.run_id, l.session_id::text
FROM nightjar.live l LEFT JOIN nightjar.sessions s ON s.session_id = l.session_id
WHERE l.session_id IS NOT NULL AND s.session_id IS NULL
UNION ALL
SELECT 'exactly a run that waits for a time has one', l.run_id, l.state::text
FROM nightjar.live l WHERE (l.state >= 2) <> (l.due_at IS NOT NULL)
UNION ALL
SELECT 'nothing is recorded after the end', s.run_id, s.step
FROM nightjar.steps s JOIN nightjar.outcomes o ON o.run_id = s.run_id WHERE s.recorded_at > o.ended_at
UNION ALL
SELECT 'a step has no attempt after the one that ended it', s.run_id, s.step
FROM nightjar.steps s JOIN nightjar.attempts t ON t.run_id = s.run_id AND t.step = s.step AND t.attempt >= s.attempt
UNION ALL
SELECT 'a cancel by an event comes from a later event of the same tenant', o.run_id, o.cause::text
FROM nightjar.outcomes o JOIN nightjar.runs r ON r.run_id = o.run_id
LEFT JOIN nightjar.events e ON e.event_id = (o.cause ->> 'event_id')::uuid
WHERE o.cause ->> 'kind' = 'event' AND NOT coalesce(e.seq > r.event_seq AND e.tenant_id = r.tenant_id, false)
UNION ALL
SELECT 'an event starts a function once', min(r.run_id::text)::uuid, count(*)::text
FROM nightjar.runs r GROUP BY r.event_id, r.function_id HAVING count(*) > 1;

INSERT INTO nightjar.migrations (version, name) VALUES (4, 'reports');
