-- What runs have recorded so far: their finished steps, and the attempts that failed.
-- $1 run ids; only of runs that the caller leases, so nothing here can change meanwhile.
-- Locks: none. Indexes: steps_pkey, attempts_pkey, pruned to one partition a run.
SELECT s.run_id, s.step, s.kind, s.failed, s.attempt, s.output, s.error, s.due_at, s.started_at, s.ended_at,
       false AS again
FROM unnest($1::uuid[]) AS r (run_id)
CROSS JOIN LATERAL (SELECT * FROM nightjar.steps s WHERE s.run_id = r.run_id ORDER BY s.recorded_at, s.ended_at OFFSET 0) s
UNION ALL
SELECT t.run_id, t.step, 0, true, t.attempt, NULL, t.error, t.retry_at, t.started_at, t.ended_at, true
FROM unnest($1::uuid[]) AS r (run_id)
CROSS JOIN LATERAL (SELECT * FROM nightjar.attempts t WHERE t.run_id = r.run_id ORDER BY t.step, t.attempt OFFSET 0) t
