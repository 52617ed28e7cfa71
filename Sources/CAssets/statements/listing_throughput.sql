-- Runs queued and ended a minute, hour or day, over all functions that are asked for.
-- $1 grain, $2 since, $3 tenant, $4 app, $5 function (each null: any), $6 how many
-- Locks: none. Index: run_rollups_at, of the grain's partition.
SELECT t.at, sum(t.queued) AS queued, sum(t.completed) AS completed, sum(t.failed) AS failed, sum(t.cancelled) AS cancelled,
       sum(t.retries) AS retries, sum(t.queued) - sum(t.ended) AS backlog_growth
FROM nightjar_report.throughput t
WHERE t.grain = $1 AND t.at >= date_trunc($1, $2::timestamptz, 'UTC')
  AND ($3::text IS NULL OR t.tenant = $3) AND ($4::text IS NULL OR t.app = $4) AND ($5::text IS NULL OR t.function = $5)
GROUP BY t.at ORDER BY t.at DESC LIMIT $6
