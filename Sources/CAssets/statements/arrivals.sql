-- What has come for open steps of runs that the caller leases, and how much mail each has: one snapshot for both.
-- $1 session, $2 runs
-- Locks: none. Indexes: live_pkey, open_steps_pkey, events_pkey.
SELECT l.run_id, l.mail, o.step, o.output, o.error
FROM unnest($2::uuid[]) AS r (run_id)
CROSS JOIN LATERAL (SELECT l.run_id, l.mail FROM nightjar.live l
                    WHERE l.run_id = r.run_id AND l.session_id = $1 AND l.state = 1 OFFSET 0) l
LEFT JOIN LATERAL (
    SELECT o.step, CASE o.kind WHEN 5 THEN e.data -> 'result' ELSE e.whole END AS output,
           CASE o.kind WHEN 5 THEN e.data -> 'error' END AS error
    FROM (SELECT o.step, o.kind, o.arrived FROM nightjar.open_steps o
          WHERE o.run_id = l.run_id AND o.arrived IS NOT NULL ORDER BY o.arrived_at, o.step OFFSET 0) o
    CROSS JOIN LATERAL (
        SELECT e.data, jsonb_build_object('id', coalesce(e.id, e.event_id::text), 'name', e.name, 'data', e.data,
                   'user', e."user",
                   'ts', CASE WHEN isfinite(e.ts) THEN floor(extract(epoch FROM e.ts) * 1000)::bigint END) AS whole
        FROM nightjar.events e WHERE e.event_id = o.arrived LIMIT 1) e) o ON true
