-- In which of these queues a run can be claimed, or will be.
-- $1 queues
-- Locks: none. Indexes: live_ready, live_back, live_due: a probe or three for each queue.
SELECT q.queue FROM unnest($1::int[]) AS q (queue)
WHERE EXISTS (SELECT FROM nightjar.live l WHERE l.queue = q.queue AND l.state = 0 AND l.epoch = 0 OFFSET 0)
   OR EXISTS (SELECT FROM nightjar.live l WHERE l.queue = q.queue AND l.state = 0 AND l.epoch > 0 OFFSET 0)
   OR (SELECT l.due_at FROM nightjar.live l WHERE l.queue = q.queue AND l.due_at IS NOT NULL ORDER BY l.due_at LIMIT 1)
      <= clock_timestamp() + interval '1 s'
