-- What each tenant used.
-- $1 grain, $2 since, $3 tenant (null: any), $4 how many
-- Locks: none. Index: run_rollups_at, of the grain's partition.
SELECT t.tenant, sum(t.queued) AS queued, sum(t.ended) AS ended, sum(t.failed) AS failed, sum(t.cancelled) AS cancelled,
       sum(t.steps) AS steps, sum(t.retries) AS retries, sum(t.step_seconds) AS step_seconds
FROM nightjar_report.throughput t
WHERE t.grain = $1 AND t.at >= date_trunc($1, $2::timestamptz, 'UTC') AND ($3::text IS NULL OR t.tenant = $3)
GROUP BY t.tenant ORDER BY step_seconds DESC, t.tenant LIMIT $4
