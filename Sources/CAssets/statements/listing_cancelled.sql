-- What cancelled runs, what it hit, and how much later than asked for it was applied.
-- $1 since, $2 tenant, $3 app, $4 function (each null: any), $5 how many
-- Locks: none. Index: outcomes_unsuccessful.
SELECT c.tenant, c.app, c.function, c.kind, coalesce(c.policy, c.event, c.timeout, c.actor) AS by, c.was, count(*) AS runs,
       percentile_disc(0.95) WITHIN GROUP (ORDER BY c.late_seconds) AS late_p95_seconds, max(c.late_seconds) AS late_max_seconds,
       max(c.applied_at) AS last_at
FROM nightjar_report.cancellations c
WHERE c.applied_at >= $1::timestamptz
  AND ($2::text IS NULL OR c.tenant = $2) AND ($3::text IS NULL OR c.app = $3) AND ($4::text IS NULL OR c.function = $4)
GROUP BY c.tenant, c.app, c.function, c.kind, by, c.was
ORDER BY runs DESC, last_at DESC LIMIT $5
