-- What an unfinished run is to do next, and how often it has tried. No row: it has ended.
-- $1 run
-- Locks: none. Indexes: live_pkey, attempts_pkey.
SELECT l.run_id, l.epoch, l.state, l.due_at, l.started_at, r.created_at,
       (SELECT count(*) FROM nightjar.attempts t
        WHERE t.run_id = l.run_id AND t.step = (SELECT u.step FROM nightjar.attempts u WHERE u.run_id = l.run_id
                                                ORDER BY u.ended_at DESC LIMIT 1)
          AND NOT EXISTS (SELECT FROM nightjar.steps s WHERE s.run_id = t.run_id AND s.step = t.step)) AS attempts
FROM nightjar.live l
CROSS JOIN LATERAL (SELECT r.created_at FROM nightjar.runs r WHERE r.run_id = l.run_id LIMIT 1) r
WHERE l.run_id = $1 AND l.tenant_id = nightjar.current_tenant()
