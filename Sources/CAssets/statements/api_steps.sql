-- What runs have recorded and wait for, each run's in the order in which it happened: finished steps (part 1), attempts that
-- failed and were made again (2), and steps that wait for something from outside (3).
-- $1 run ids
-- Locks: none. Indexes: steps_pkey and attempts_pkey, each pruned to one partition a run; open_steps_pkey.
SELECT s.run_id, 1 AS part, s.step, s.name, s.kind, s.failed, s.attempt, s.output, s.error, s.due_at, s.started_at, s.ended_at,
       s.recorded_at, NULL::uuid AS child_run_id, NULL::text AS awaits
FROM unnest($1::uuid[]) AS r (run_id) CROSS JOIN LATERAL (SELECT * FROM nightjar.steps s WHERE s.run_id = r.run_id OFFSET 0) s
UNION ALL
SELECT t.run_id, 2, t.step, NULL, 0, true, t.attempt, NULL, t.error, t.retry_at, t.started_at, t.ended_at, t.ended_at, NULL, NULL
FROM unnest($1::uuid[]) AS r (run_id) CROSS JOIN LATERAL (SELECT * FROM nightjar.attempts t WHERE t.run_id = r.run_id OFFSET 0) t
UNION ALL
SELECT o.run_id, 3, o.step, o.name, o.kind, false, 1, NULL, NULL, o.due_at, o.started_at, o.arrived_at, NULL, o.child_run_id,
       coalesce(o.spec ->> 'event', o.spec ->> 'function', o.spec ->> 'slug')
FROM unnest($1::uuid[]) AS r (run_id) CROSS JOIN LATERAL (SELECT * FROM nightjar.open_steps o WHERE o.run_id = r.run_id OFFSET 0) o
ORDER BY 1, started_at, part, attempt, recorded_at
