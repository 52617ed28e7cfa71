-- What of a cancelled run still executes, as far as live workers say. No row: nothing.
-- $1 run
-- Locks: none. Indexes: interruptions_pkey, sessions_pkey.
SELECT s.name AS worker, coalesce(i.steps, '{}') AS steps, i.at, i.told_at
FROM nightjar.interruptions i
JOIN nightjar.sessions s ON s.session_id = i.session_id AND NOT s.dead AND s.seen_at + s.ttl >= clock_timestamp()
WHERE i.run_id = $1 AND i.ended_at IS NULL
