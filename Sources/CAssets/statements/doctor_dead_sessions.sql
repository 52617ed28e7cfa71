-- Sessions that died, or are overdue, and still hold runs.
-- Locks: none. Index: live_session; sessions is a few rows.
SELECT s.session_id, s.name, extract(epoch FROM clock_timestamp() - s.seen_at)::float8 AS silent_for, held.runs
FROM nightjar.sessions s
CROSS JOIN LATERAL (SELECT count(*) AS runs FROM nightjar.live l WHERE l.session_id = s.session_id AND l.state = 1) held
WHERE (s.dead OR s.seen_at + s.ttl < clock_timestamp()) AND held.runs > 0
ORDER BY held.runs DESC, s.session_id LIMIT 10
