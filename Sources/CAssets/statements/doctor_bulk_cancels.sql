-- Requests to cancel many runs that do not get on: interrupted in the last days, or running without anybody.
-- $1 for how many seconds nobody may have carried one further, $2 how many seconds an interrupted one is told of
-- Locks: none. Index: bulk_cancels_pkey.
SELECT b.bulk_id::text AS bulk_id, b.state, b.examined, b.cancelled,
       extract(epoch FROM clock_timestamp() - coalesce(b.advanced_at, b.asked_at))::float8 AS idle_for
FROM nightjar.bulk_cancels b
WHERE b.state = 1 AND coalesce(b.advanced_at, b.asked_at) < clock_timestamp() - $1::float8 * interval '1 s'
   OR b.state = 2 AND coalesce(b.advanced_at, b.asked_at) >= clock_timestamp() - $2::float8 * interval '1 s'
ORDER BY b.bulk_id LIMIT 10
