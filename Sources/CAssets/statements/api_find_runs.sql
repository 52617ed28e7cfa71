-- Which runs fulfil conditions, the newest first, among a bounded number of them: a search goes on after the last one that
-- was examined, so that no request reads the whole history.
-- $1 before this run, $2 from this run on, $3 how many to examine, $4 functions, $5 statuses (null: any), $6 the expression
-- over `event`, compiled (null: none), $7 started from, $8 started before, $9 ended from, $10 ended before (null: whenever),
-- $11 how many
-- Locks: none. Indexes: runs_pkey, backwards; live_pkey, outcomes_pkey, for an expression events_pkey.
SELECT r.run_id
FROM (SELECT r.run_id, r.tenant_id, r.function_id, r.event_id FROM nightjar.runs r
      WHERE r.run_id < $1 AND r.run_id >= $2 ORDER BY r.run_id DESC LIMIT $3) r
LEFT JOIN LATERAL (SELECT l.state, l.started_at FROM nightjar.live l WHERE l.run_id = r.run_id LIMIT 1) l ON true
LEFT JOIN LATERAL (SELECT o.status, o.started_at, o.ended_at FROM nightjar.outcomes o WHERE o.run_id = r.run_id LIMIT 1) o ON true
WHERE r.tenant_id = nightjar.current_tenant() AND ($4::int[] IS NULL OR r.function_id = ANY ($4))
  AND ($5::text[] IS NULL OR $5 && CASE o.status
          WHEN 1 THEN ARRAY['completed'] WHEN 2 THEN ARRAY['failed'] WHEN 3 THEN ARRAY['cancelled']
          ELSE ARRAY[(ARRAY['queued', 'executing', 'sleeping', 'retrying', 'delayed', 'waiting', 'invoking'])[l.state + 1],
                     CASE WHEN l.started_at IS NULL THEN 'scheduled' ELSE 'running' END] END)
  AND ($7::timestamptz IS NULL OR coalesce(o.started_at, l.started_at) >= $7)
  AND ($8::timestamptz IS NULL OR coalesce(o.started_at, l.started_at) < $8)
  AND ($9::timestamptz IS NULL OR o.ended_at >= $9) AND ($10::timestamptz IS NULL OR o.ended_at < $10)
  AND ($6::jsonb IS NULL OR nightjar.evaluate($6, nightjar.event_json(r.event_id), NULL) = 'true')
ORDER BY r.run_id DESC LIMIT $11
