-- The slowest steps, by their p95: what executes, not what only waits.
-- $1 grain, $2 since, $3 tenant, $4 app, $5 function (each null: any), $6 how many
-- Locks: none. Index: step_rollups_at, of the grain's partition.
SELECT s.tenant, s.app, s.function, s.step, sum(s.count) AS times, sum(s.failed) AS failed, sum(s.retries) AS retries,
       sum(s.seconds) AS total_seconds, nightjar_report.quantile(nightjar_report.merge(s.histogram), 0.5) AS p50_seconds,
       nightjar_report.quantile(nightjar_report.merge(s.histogram), 0.95) AS p95_seconds
FROM nightjar_report.step_throughput s
WHERE s.grain = CASE $1 WHEN 'minute' THEN 'hour' ELSE $1 END
  AND s.at >= date_trunc(CASE $1 WHEN 'minute' THEN 'hour' ELSE $1 END, $2::timestamptz, 'UTC')
  AND ($3::text IS NULL OR s.tenant = $3) AND ($4::text IS NULL OR s.app = $4) AND ($5::text IS NULL OR s.function = $5)
  AND s.kind IN ('run', 'sendEvent', 'fetch', 'infer')
GROUP BY s.tenant, s.app, s.function, s.step
ORDER BY p95_seconds DESC, s.tenant, s.app, s.function, s.step LIMIT $6
