-- Attempts that failed and were made again, of runs created since: by step and error.
-- $1 since, $2 tenant, $3 app, $4 function (each null: any), $5 how many
-- Locks: none. Index: attempts_pkey, of the partitions of this time.
SELECT s.tenant, s.app, s.function, coalesce(s.step, '(the function itself)') AS step, s.error_message AS message,
       count(*) AS attempts, count(DISTINCT s.run_id) AS runs, max(s.ended_at) AS last_at
FROM nightjar_report.attempts s
WHERE s.run_id >= nightjar_report.id_at($1::timestamptz)
  AND ($2::text IS NULL OR s.tenant = $2) AND ($3::text IS NULL OR s.app = $3) AND ($4::text IS NULL OR s.function = $4)
GROUP BY s.tenant, s.app, s.function, s.step, s.error_message
ORDER BY attempts DESC, last_at DESC LIMIT $5
