-- Which unfinished runs fulfil conditions, the newest first: as api_find_runs.sql, from `live`, which is small whatever the
-- history has grown to.
-- $1 before this run, $2 from this run on, $3 how many to examine, $4 functions, $5 statuses (null: any), $6 the expression
-- over `event`, compiled (null: none), $7 started from, $8 started before (null: whenever), $9 how many
-- Locks: none. Indexes: live_pkey, backwards; for an expression events_pkey.
SELECT l.run_id
FROM (SELECT l.run_id, l.tenant_id, l.function_id, l.event_id, l.state, l.started_at FROM nightjar.live l
      WHERE l.run_id < $1 AND l.run_id >= $2 ORDER BY l.run_id DESC LIMIT $3) l
WHERE l.tenant_id = nightjar.current_tenant() AND ($4::int[] IS NULL OR l.function_id = ANY ($4))
  AND ($5::text[] IS NULL
       OR $5 && ARRAY[(ARRAY['queued', 'executing', 'sleeping', 'retrying', 'delayed', 'waiting', 'invoking'])[l.state + 1],
                      CASE WHEN l.started_at IS NULL THEN 'scheduled' ELSE 'running' END])
  AND ($7::timestamptz IS NULL OR l.started_at >= $7) AND ($8::timestamptz IS NULL OR l.started_at < $8)
  AND ($6::jsonb IS NULL OR nightjar.evaluate($6, nightjar.event_json(l.event_id), NULL) = 'true')
ORDER BY l.run_id DESC LIMIT $9
