-- Events that start no run and can cancel or answer none.
-- $1 since, $2 tenant (null: any), $3 how many
-- Summed up first: whether a name is heard is asked once for each, not for each of its hours.
-- Locks: none. Indexes: event_rollups_at; event_rollups_pkey for each name.
WITH sent AS MATERIALIZED (
    SELECT e.tenant_id, e.name, sum(e.count) AS events, max(e.last_at) AS last_at, max(e.at) AS at
    FROM nightjar_report.event_throughput e
    WHERE e.at >= date_trunc('hour', $1::timestamptz, 'UTC') AND ($2::text IS NULL OR e.tenant = $2)
    GROUP BY e.tenant_id, e.name)
SELECT e.tenant, e.name, s.events, s.last_at
FROM sent s JOIN nightjar_report.event_throughput e ON e.tenant_id = s.tenant_id AND e.at = s.at AND e.name = s.name
WHERE NOT e.starts_runs AND NOT e.is_matched
ORDER BY s.events DESC, e.tenant, e.name LIMIT $3
