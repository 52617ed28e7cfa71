-- The runs that took longest from start to end, of those that ended.
-- $1 since, $2 tenant, $3 app, $4 function (each null: any), $5 how many
-- Locks: none. Index: outcomes_written_at (BRIN): what the log has of this time is read.
SELECT o.run_id AS run, o.tenant, o.app, o.function, o.outcome, o.ended_at, o.execution_seconds AS took_seconds
FROM nightjar_report.outcomes o
WHERE o.ended_at >= $1::timestamptz AND o.execution_seconds IS NOT NULL
  AND ($2::text IS NULL OR o.tenant = $2) AND ($3::text IS NULL OR o.app = $3) AND ($4::text IS NULL OR o.function = $4)
ORDER BY o.execution_seconds DESC, o.run_id LIMIT $5
