-- Who executes a run, if somebody does, and how often workers died with it.
-- $1 run; no row: it has ended
-- Locks: none. Indexes: live_pkey, sessions_pkey.
SELECT l.epoch, l.deaths, s.name AS worker, clock_timestamp() - s.seen_at AS silent_for,
       coalesce(s.dead OR s.seen_at + s.ttl < clock_timestamp(), false) AS dead
FROM nightjar.live l LEFT JOIN nightjar.sessions s ON s.session_id = l.session_id
WHERE l.run_id = $1
