-- How much of its limits each tenant uses, those nearest to one first.
-- $1 tenant (null: any), $2 how many
-- Locks: none. Reads the whole of live, and the events of the last minute (events_pkey).
SELECT q.tenant, q.state, q.live_runs, q.max_live_runs, round(q.live_share::numeric, 3)::float8 AS live_share,
       round(q.events_per_second::numeric, 2)::float8 AS events_per_second, q.max_events_per_second,
       round(q.events_share::numeric, 3)::float8 AS events_share
FROM nightjar_report.quotas q
WHERE $1::text IS NULL OR q.tenant = $1
ORDER BY greatest(q.live_share, q.events_share) DESC NULLS LAST, q.tenant LIMIT $2
