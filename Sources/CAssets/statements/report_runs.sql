-- Runs by what they belong to and how they stand, the newest first.
-- $1 status, $2 function, $3 app, $4 created since (each null: any), $5 how many
-- Locks: none. Indexes: runs_pkey, backwards through the partitions that $4 leaves; live_pkey, outcomes_pkey.
-- A status of runs that have not ended is answered by report_live_runs.sql: here it would read the whole history.
SELECT r.run_id, r.app, r.function, r.status, r.event_id, r.created_at, r.started_at, r.ended_at, r.due_at, r.output,
       r.error, r.cause, r.expires_at, r.rerun_of, r.parent_run_id, r.parent_step, r.policy, r.executing
FROM nightjar.run_status r
WHERE r.tenant_id = nightjar.current_tenant()
  AND ($1::text IS NULL OR r.status = $1) AND ($2::text IS NULL OR r.function = $2) AND ($3::text IS NULL OR r.app = $3)
  AND ($4::timestamptz IS NULL OR r.run_id >= nightjar.uuid7_floor($4))
ORDER BY r.run_id DESC LIMIT $5
