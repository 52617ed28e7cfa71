-- Runs that have not ended, by their state, the newest first.
-- $1 status, $2 function, $3 app, $4 created since (2 to 4 null: any), $5 how many
-- Locks: none. Indexes: live_pkey; runs_pkey, pruned to one partition a run.
-- From `live`, which is small, whatever the history has grown to.
SELECT r.run_id, r.app, r.function, r.status, r.event_id, r.created_at, r.started_at, r.ended_at, r.due_at, r.output,
       r.error, r.cause, r.expires_at, r.rerun_of, r.parent_run_id, r.parent_step, r.policy, r.executing
FROM nightjar.live l
CROSS JOIN LATERAL (SELECT r.* FROM nightjar.run_status r WHERE r.run_id = l.run_id) r
WHERE l.tenant_id = nightjar.current_tenant()
  AND l.state = array_position(ARRAY['queued', 'running', 'sleeping', 'retrying', 'scheduled', 'waiting', 'invoking'], $1::text) - 1
  AND ($2::text IS NULL OR r.function = $2) AND ($3::text IS NULL OR r.app = $3)
  AND ($4::timestamptz IS NULL OR l.run_id >= nightjar.uuid7_floor($4))
ORDER BY l.run_id DESC LIMIT $5
