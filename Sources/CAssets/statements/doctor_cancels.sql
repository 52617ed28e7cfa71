-- What of cancelling hangs: runs whose time was up, cancelled runs whose code still executes.
-- $1 for how many seconds a run may outlive its limit, $2 for how many its code may execute after its cancel
-- Locks: none. Indexes: live_expires, interruptions_open; sessions is a few rows.
-- A worker that is gone executes nothing, as far as anybody can know.
SELECT (SELECT count(*) FROM nightjar.live l WHERE l.expires_at < clock_timestamp() - $1::float8 * interval '1 s') AS expired,
       (SELECT extract(epoch FROM clock_timestamp() - min(l.expires_at))::float8 FROM nightjar.live l) AS expired_for,
       e.runs AS executing, e.run_id::text AS executing_run, e.worker AS executing_worker, e.steps AS executing_steps,
       extract(epoch FROM clock_timestamp() - e.at)::float8 AS executing_for
FROM (SELECT 1) one
LEFT JOIN LATERAL (
    SELECT count(*) OVER () AS runs, i.run_id, s.name AS worker, i.steps, i.at
    FROM nightjar.sessions s
    JOIN nightjar.interruptions i ON i.session_id = s.session_id AND i.ended_at IS NULL
         AND i.at < clock_timestamp() - $2::float8 * interval '1 s'
    WHERE NOT s.dead AND s.seen_at + s.ttl >= clock_timestamp()
    ORDER BY i.at LIMIT 1) e ON true
