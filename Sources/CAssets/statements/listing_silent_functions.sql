-- Functions for which no run was queued, for shared ones: of no tenant.
-- $1 since, $2 tenant, $3 app, $4 function (each null: any), $5 how many
-- Locks: none. Index: run_rollups_at, of the days' partition.
SELECT f.tenant, f.app, f.function, array_to_string(f.triggers || f.crons, ', ') AS triggers, f.changed_at
FROM nightjar_report.functions f
WHERE f.status = 'active' AND NOT EXISTS (
          SELECT FROM nightjar_report.throughput t
          WHERE t.function_id = f.function_id AND t.grain = 'day'
            AND t.at >= date_trunc('day', $1::timestamptz, 'UTC') AND t.queued > 0)
  AND ($2::text IS NULL OR f.tenant = $2) AND ($3::text IS NULL OR f.app = $3) AND ($4::text IS NULL OR f.function = $4)
ORDER BY f.tenant, f.app, f.function LIMIT $5
