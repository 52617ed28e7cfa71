-- Events that start no run and can cancel or answer none.
-- $1 since, $2 tenant (null: any), $3 how many
-- Locks: none. Index: event_rollups_at.
SELECT e.tenant, e.name, sum(e.count) AS events, max(e.last_at) AS last_at
FROM nightjar_report.event_throughput e
WHERE e.at >= date_trunc('hour', $1::timestamptz, 'UTC') AND NOT e.starts_runs AND NOT e.is_matched
  AND ($2::text IS NULL OR e.tenant = $2)
GROUP BY e.tenant, e.name ORDER BY events DESC, e.tenant, e.name LIMIT $3
