-- The steps of a run that wait for something from outside, with the run that each has invoked.
-- $1 run
-- Locks: none. Indexes: open_steps_pkey; runs_pkey, live_pkey and outcomes_pkey for the invoked runs.
SELECT o.step, o.name, o.kind, o.started_at, o.due_at, o.arrived_at, o.cascades, o.spec ->> 'event' AS event,
       o.spec ->> 'text' AS match, coalesce((o.spec ->> 'look_back')::boolean, false) AS looks_back,
       coalesce(o.spec ->> 'app', a.name) AS app, o.spec ->> 'function' AS function, o.child_run_id,
       (SELECT c.status FROM nightjar.run_status c WHERE c.run_id = o.child_run_id) AS child_status
FROM nightjar.open_steps o
JOIN nightjar.live l ON l.run_id = o.run_id
JOIN nightjar.functions f ON f.function_id = l.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
WHERE o.run_id = $1
ORDER BY o.started_at, o.step
