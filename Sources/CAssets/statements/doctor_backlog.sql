-- What waits for workers: cancels to be applied, runs that could begin or go on, sessions that died with runs in hand.
-- Runs of suspended tenants wait for nobody, those over a limit for each other.
-- Locks: none. Indexes: pending_seq, live_ready, live_due, live_session; counts read the whole of small tables.
SELECT (SELECT count(*) FROM nightjar.pending) AS pending,
       (SELECT extract(epoch FROM clock_timestamp() - min(p.asked_at))::float8 FROM nightjar.pending p) AS pending_for,
       (SELECT count(*) FROM nightjar.live l WHERE l.queue BETWEEN 0 AND 1610612735 AND (l.state = 0 OR l.due_at <= now())) AS ready,
       (SELECT extract(epoch FROM clock_timestamp() - min(coalesce(l.due_at, nightjar.uuid7_time(l.run_id))))::float8
        FROM nightjar.live l WHERE l.queue BETWEEN 0 AND 1610612735 AND (l.state = 0 AND l.started_at IS NULL OR l.due_at <= now())) AS ready_for,
       (SELECT count(*) FROM nightjar.live) AS unfinished,
       (SELECT count(*) FROM nightjar.sessions s WHERE NOT s.dead AND s.seen_at + s.ttl >= clock_timestamp()) AS workers,
       pg_notification_queue_usage() AS notification_queue
