-- Cancels and answers that wait to be applied, and how full the queue of notifications is: for /metrics.
-- $1 how many rows are counted at most
-- Locks: none. Index: pending_seq.
SELECT (SELECT count(*) FROM (SELECT FROM nightjar.pending LIMIT $1) p) AS pending,
       (SELECT extract(epoch FROM clock_timestamp() - p.asked_at)::float8 FROM nightjar.pending p ORDER BY p.seq LIMIT 1) AS pending_age,
       (SELECT extract(epoch FROM clock_timestamp() - l.expires_at)::float8 FROM nightjar.live l
        WHERE l.expires_at IS NOT NULL ORDER BY l.expires_at LIMIT 1) AS expired_for,
       pg_notification_queue_usage() AS notification_queue,
       (SELECT count(*) FROM pg_stat_activity a WHERE a.backend_type = 'client backend') AS connections,
       current_setting('max_connections')::bigint AS max_connections
