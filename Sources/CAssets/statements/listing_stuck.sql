-- Runs that a worker holds, or that were to go on, since before: the longest first.
-- $1 since, $2 tenant, $3 app, $4 function (each null: any), $5 how many
-- Locks: none. Reads the whole of live, once; the rest is looked up for what is shown.
SELECT u.id AS run, u.tenant, u.app, u.function, u.status, coalesce(u.wakes_at, u.started_at, u.queued_at) AS since_at, u.steps, u.retries,
       u.deaths, u.worker
FROM nightjar_report.unfinished u
WHERE (u.status IN ('queued', 'running') AND coalesce(u.started_at, u.queued_at) < $1::timestamptz OR u.wakes_at < $1::timestamptz)
  AND ($2::text IS NULL OR u.tenant = $2) AND ($3::text IS NULL OR u.app = $3) AND ($4::text IS NULL OR u.function = $4)
ORDER BY since_at, u.id LIMIT $5
