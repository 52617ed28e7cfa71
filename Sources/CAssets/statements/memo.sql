-- What runs have recorded so far: their finished steps (part 1), the attempts that failed (2), and the steps that wait for
-- something from outside (3), with what has come for them: an event as a whole, or how an invoked run ended.
-- $1 run ids; only of runs that the caller leases, so nothing here can change meanwhile.
-- Locks: none. Indexes: steps_pkey, attempts_pkey, each pruned to one partition a run; open_steps_pkey, events_pkey.
SELECT s.run_id, s.step, s.kind, s.failed, s.attempt, s.output, s.error, s.due_at, s.started_at, s.ended_at,
       1 AS part, NULL::boolean AS arrived, NULL AS function, s.name
FROM unnest($1::uuid[]) AS r (run_id)
CROSS JOIN LATERAL (SELECT * FROM nightjar.steps s WHERE s.run_id = r.run_id ORDER BY s.recorded_at, s.ended_at OFFSET 0) s
UNION ALL
SELECT t.run_id, t.step, 0, true, t.attempt, NULL, t.error, t.retry_at, t.started_at, t.ended_at, 2, NULL, NULL, NULL
FROM unnest($1::uuid[]) AS r (run_id)
CROSS JOIN LATERAL (SELECT * FROM nightjar.attempts t WHERE t.run_id = r.run_id ORDER BY t.step, t.attempt OFFSET 0) t
UNION ALL
SELECT o.run_id, o.step, o.kind, false, 1,
       CASE o.kind WHEN 5 THEN e.data -> 'result' ELSE e.whole END, CASE o.kind WHEN 5 THEN e.data -> 'error' END,
       o.due_at, o.started_at, coalesce(o.arrived_at, o.started_at), 3, o.arrived IS NOT NULL, o.spec ->> 'function', o.name
FROM unnest($1::uuid[]) AS r (run_id)
CROSS JOIN LATERAL (SELECT * FROM nightjar.open_steps o WHERE o.run_id = r.run_id ORDER BY o.started_at, o.step OFFSET 0) o
LEFT JOIN LATERAL (
    SELECT e.data, jsonb_build_object('id', coalesce(e.id, e.event_id::text), 'name', e.name, 'data', e.data, 'user', e."user",
               'ts', CASE WHEN isfinite(e.ts) THEN floor(extract(epoch FROM e.ts) * 1000)::bigint END) AS whole
    FROM nightjar.events e WHERE e.event_id = o.arrived LIMIT 1) e ON true
