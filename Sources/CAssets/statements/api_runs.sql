-- Runs, as the HTTP API answers them, in the order given.
-- $1 run ids
-- Locks: none. Indexes: runs_pkey, live_pkey, outcomes_pkey, pruned to one partition a run; interruptions_pkey, run_events_pkey.
-- Every lookup is LATERAL … LIMIT 1: as plain joins they could be planned as scans of whole tables.
SELECT r.run_id, r.tenant_id, r.function_id, nightjar.function_uuid(r.function_id) AS function_uuid, a.app_id, a.name AS app,
       f.name AS function, f.title, r.event_id, r.created_at, coalesce(o.started_at, l.started_at) AS started_at, o.ended_at,
       l.due_at, CASE o.status WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' WHEN 3 THEN 'cancelled'
            ELSE (ARRAY['queued', 'running', 'sleeping', 'retrying', 'scheduled', 'waiting', 'invoking'])[l.state + 1] END AS status,
       o.output, o.error, o.cause, r.rerun_of, r.parent_run_id, r.parent_step,
       (SELECT p.text FROM nightjar.cancel_policies p WHERE p.policy_id = (o.cause ->> 'policy_id')::int) AS policy,
       (SELECT i.steps FROM nightjar.interruptions i WHERE i.run_id = r.run_id AND o.status = 3) AS executing,
       -- Of a batch; else empty.
       ARRAY(SELECT b.event_id FROM nightjar.run_events b WHERE b.run_id = t.run_id ORDER BY b.position) AS batch
FROM unnest($1::uuid[]) WITH ORDINALITY AS t (run_id, position)
CROSS JOIN LATERAL (SELECT * FROM nightjar.runs r WHERE r.run_id = t.run_id AND r.tenant_id = nightjar.current_tenant() LIMIT 1) r
JOIN nightjar.functions f ON f.function_id = r.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
LEFT JOIN LATERAL (SELECT * FROM nightjar.live l WHERE l.run_id = t.run_id LIMIT 1) l ON true
LEFT JOIN LATERAL (SELECT * FROM nightjar.outcomes o WHERE o.run_id = t.run_id LIMIT 1) o ON true
ORDER BY t.position
