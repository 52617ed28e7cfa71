-- What a run has recorded, in the order in which it happened: steps, and attempts that failed and were made again.
-- $1 run; kind 0 marks an attempt, whose step is '' when it was one of the function itself
-- Locks: none. Indexes: steps_pkey, attempts_pkey, each pruned to one partition.
SELECT s.step, s.kind, s.failed, s.attempt, s.output, s.error, s.due_at, s.started_at, s.ended_at, s.name
FROM nightjar.steps s WHERE s.run_id = $1
UNION ALL
SELECT t.step, 0, true, t.attempt, NULL, t.error, t.retry_at, t.started_at, t.ended_at, NULL
FROM nightjar.attempts t WHERE t.run_id = $1
ORDER BY started_at, attempt
