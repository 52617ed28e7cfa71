-- Unfinished runs of apps that no live worker serves, by app.
-- Locks: none. Reads `live` once; sessions and functions are small. Negative queues belong to suspended tenants; those that wait for
-- slots are 2^30 and more above their app's.
SELECT a.name AS app, count(*) AS runs, count(*) FILTER (WHERE l.state = 0 OR l.due_at <= now()) AS ready
FROM nightjar.live l
JOIN nightjar.functions f ON f.function_id = l.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
WHERE l.queue > 0 AND NOT EXISTS (
    SELECT FROM nightjar.sessions s
    WHERE s.queue = l.queue % 536870912 AND NOT s.dead AND s.seen_at + s.ttl >= clock_timestamp())
GROUP BY a.name ORDER BY runs DESC, a.name LIMIT 10
