-- What of a cancelled run a worker was executing, and until when. No row: nothing of it executed.
-- $1 run
-- Locks: none. Indexes: interruptions_pkey, sessions_pkey.
SELECT coalesce(s.name, i.session_id::text) AS worker, coalesce(i.steps, '{}') AS steps, i.at, i.told_at, i.ended_at,
       -- A worker that is gone executes nothing, as far as anybody can know.
       coalesce(s.dead OR s.seen_at + s.ttl < clock_timestamp(), true) AS worker_is_gone
FROM nightjar.interruptions i LEFT JOIN nightjar.sessions s ON s.session_id = i.session_id
WHERE i.run_id = $1
