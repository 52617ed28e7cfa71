-- In which of these queues a run can be claimed, or will be.
-- $1 queues
-- Those that wait for slots count, and those that are blocked do not: whoever gives a slot back looks after them.
-- Locks: none. Indexes: live_ready, live_back, live_due: a probe or six for each queue.
SELECT DISTINCT q.queue FROM unnest($1::int[]) AS q (queue)
CROSS JOIN LATERAL (VALUES (q.queue), (q.queue + 1073741824)) AS p (place)
WHERE EXISTS (SELECT FROM nightjar.live l WHERE l.queue = p.place AND l.state = 0 AND l.epoch = 0 OFFSET 0)
   OR EXISTS (SELECT FROM nightjar.live l WHERE l.queue = p.place AND l.state = 0 AND l.epoch > 0 OFFSET 0)
   OR (SELECT l.due_at FROM nightjar.live l WHERE l.queue = p.place AND l.due_at IS NOT NULL ORDER BY l.due_at LIMIT 1)
      <= clock_timestamp() + interval '1 s'
