-- Runs that were cancelled less than a second before, or after, their sleep was over.
-- $1 since, $2 tenant, $3 app, $4 function (each null: any), $5 how many
-- Locks: none. Indexes: outcomes_unsuccessful; steps_pkey for each run that was cancelled in this time.
WITH cancelled AS MATERIALIZED (
    SELECT c.run_id, c.tenant, c.app, c.function, c.kind, c.was, c.applied_at, c.due_at
    FROM nightjar_report.cancellations c
    WHERE c.applied_at >= $1::timestamptz
      AND ($2::text IS NULL OR c.tenant = $2) AND ($3::text IS NULL OR c.app = $3) AND ($4::text IS NULL OR c.function = $4))
SELECT c.run_id AS run, c.tenant, c.app, c.function, c.kind, c.was, c.applied_at, c.due_at,
       extract(epoch FROM c.due_at - c.applied_at)::float8 AS spare_seconds
FROM cancelled c WHERE c.due_at BETWEEN c.applied_at - interval '1 second' AND c.applied_at + interval '1 second'
ORDER BY c.applied_at DESC LIMIT $5
