-- Runs that failed, by error.
-- $1 since, $2 tenant, $3 app, $4 function (each null: any), $5 how many
-- Locks: none. Index: outcomes_unsuccessful.
SELECT o.tenant, o.app, o.function, o.error_name AS error, o.error_message AS message, count(*) AS runs, max(o.failed_at) AS last_at
FROM nightjar_report.failures o
WHERE o.failed_at >= $1::timestamptz
  AND ($2::text IS NULL OR o.tenant = $2) AND ($3::text IS NULL OR o.app = $3) AND ($4::text IS NULL OR o.function = $4)
GROUP BY o.tenant, o.app, o.function, o.error_name, o.error_message
ORDER BY runs DESC, last_at DESC LIMIT $5
