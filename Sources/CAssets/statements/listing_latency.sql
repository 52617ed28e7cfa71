-- How long runs waited for a worker and took, by function. A run that sleeps takes as long as it sleeps.
-- $1 grain, $2 since, $3 tenant, $4 app, $5 function (each null: any), $6 how many
-- Locks: none. Index: run_rollups_at, of the grain's partition.
WITH total AS MATERIALIZED (
    SELECT t.tenant, t.app, t.function, sum(t.ended) AS runs, nightjar_report.merge(t.wait_histogram) AS wait,
           nightjar_report.merge(t.execution_histogram) AS execution
    FROM nightjar_report.throughput t
    WHERE t.grain = $1 AND t.at >= date_trunc($1, $2::timestamptz, 'UTC')
      AND ($3::text IS NULL OR t.tenant = $3) AND ($4::text IS NULL OR t.app = $4) AND ($5::text IS NULL OR t.function = $5)
    GROUP BY t.tenant, t.app, t.function)
SELECT t.tenant, t.app, t.function, t.runs,
       nightjar_report.quantile(t.wait, 0.5) AS wait_p50_seconds, nightjar_report.quantile(t.wait, 0.95) AS wait_p95_seconds,
       nightjar_report.quantile(t.wait, 0.99) AS wait_p99_seconds, nightjar_report.quantile(t.execution, 0.5) AS took_p50_seconds,
       nightjar_report.quantile(t.execution, 0.95) AS took_p95_seconds, nightjar_report.quantile(t.execution, 0.99) AS took_p99_seconds
FROM total t WHERE t.runs > 0 ORDER BY took_p95_seconds DESC NULLS LAST, t.tenant, t.app, t.function LIMIT $6
