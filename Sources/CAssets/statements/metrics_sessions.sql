-- The workers of each app, and those that died with runs in hand: for /metrics.
-- Locks: none. Index: live_session; apps and sessions are small.
SELECT a.name AS app,
       count(s.session_id) FILTER (WHERE NOT s.dead AND s.seen_at + s.ttl >= clock_timestamp()) AS workers,
       count(s.session_id) FILTER (
           WHERE (s.dead OR s.seen_at + s.ttl < clock_timestamp())
             AND EXISTS (SELECT FROM nightjar.live l WHERE l.session_id = s.session_id AND l.state = 1 OFFSET 0)) AS dead_with_runs
FROM (SELECT a.app_id, a.name FROM nightjar.apps a ORDER BY a.app_id DESC LIMIT 1000) a
LEFT JOIN nightjar.sessions s ON s.queue = a.app_id
GROUP BY a.name
