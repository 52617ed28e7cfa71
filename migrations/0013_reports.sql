-- Nightjar 0013: the views of 0004 with what has come since; cancelled runs explained.
SET LOCAL client_min_messages = warning;

-- Every run, one row, with its status in words. Filter by run_id (or its time, through uuid7_floor) to prune partitions.
CREATE OR REPLACE VIEW nightjar.run_status AS
SELECT r.run_id, r.tenant_id, a.name AS app, f.name AS function,
       CASE o.status WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' WHEN 3 THEN 'cancelled'
            ELSE (ARRAY['queued', 'running', 'sleeping', 'retrying', 'scheduled', 'waiting', 'invoking'])[l.state + 1] END AS status,
       r.event_id, r.event_seq, r.created_at, coalesce(o.started_at, l.started_at) AS started_at, o.ended_at,
       l.due_at, l.session_id, o.output, o.error, o.cause, l.expires_at, r.rerun_of, r.parent_run_id, r.parent_step,
       -- Of a cancelled run: the policy as its author wrote it, and the steps whose bodies were executing.
       (SELECT p.text FROM nightjar.cancel_policies p WHERE p.policy_id = (o.cause ->> 'policy_id')::int) AS policy,
       (SELECT i.steps FROM nightjar.interruptions i WHERE i.run_id = o.run_id AND o.status = 3) AS executing
FROM nightjar.runs r
JOIN nightjar.functions f ON f.function_id = r.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
LEFT JOIN nightjar.live l ON l.run_id = r.run_id
LEFT JOIN nightjar.outcomes o ON o.run_id = r.run_id;

-- Every cancelled run: why, by whom or by which event and policy, when it was asked for and applied, what it was doing, and
-- until when its code executed. Filter by run_id to prune partitions.
CREATE VIEW nightjar.cancellations AS
SELECT o.run_id, o.tenant_id, a.name AS app, f.name AS function, o.cause ->> 'kind' AS kind,
       (o.cause ->> 'event_id')::uuid AS event_id, o.cause ->> 'event_name' AS event_name,
       (o.cause ->> 'policy_id')::int AS policy_id, p.text AS policy, o.cause ->> 'timeout' AS timeout,
       (o.cause ->> 'parent')::uuid AS parent_run_id, (o.cause ->> 'bulk_id')::uuid AS bulk_id,
       o.cause ->> 'actor' AS actor, o.cause ->> 'reason' AS reason,
       (o.cause ->> 'asked_at')::timestamptz AS asked_at, (o.cause ->> 'applied_at')::timestamptz AS applied_at,
       o.cause ->> 'was' AS was, i.session_id, s.name AS worker, i.steps AS executing, i.told_at, i.ended_at AS execution_ended_at,
       -- A worker that is gone executes nothing, as far as anybody can know.
       i.run_id IS NOT NULL AND i.ended_at IS NULL
           AND coalesce(NOT s.dead AND s.seen_at + s.ttl >= clock_timestamp(), false) AS executes,
       -- The steps that waited for an event or for a run that they had invoked.
       ARRAY(SELECT jsonb_array_elements_text(o.cause -> 'open')) AS open_steps
FROM nightjar.outcomes o
JOIN nightjar.functions f ON f.function_id = o.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
LEFT JOIN nightjar.cancel_policies p ON p.policy_id = (o.cause ->> 'policy_id')::int
LEFT JOIN nightjar.interruptions i ON i.run_id = o.run_id
LEFT JOIN nightjar.sessions s ON s.session_id = i.session_id
WHERE o.status = 3;

-- Must be empty, after any commit and in any snapshot. It reads everything: for tests, doctors and incidents.
CREATE OR REPLACE VIEW nightjar.invariants AS
SELECT 'a run has exactly one live row or one outcome' AS violated, r.run_id,
       CASE WHEN l.run_id IS NULL THEN 'neither' ELSE 'both' END AS detail
FROM nightjar.runs r
LEFT JOIN nightjar.live l ON l.run_id = r.run_id
LEFT JOIN nightjar.outcomes o ON o.run_id = r.run_id
WHERE (l.run_id IS NULL) = (o.run_id IS NULL)
UNION ALL
SELECT 'a live row belongs to a run', l.run_id, NULL
FROM nightjar.live l LEFT JOIN nightjar.runs r ON r.run_id = l.run_id WHERE r.run_id IS NULL
UNION ALL
SELECT 'an outcome belongs to a run', o.run_id, NULL
FROM nightjar.outcomes o LEFT JOIN nightjar.runs r ON r.run_id = o.run_id WHERE r.run_id IS NULL
UNION ALL
SELECT 'a wait belongs to a live run of its tenant', w.run_id, w.key::text
FROM nightjar.waits w LEFT JOIN nightjar.live l ON l.run_id = w.run_id AND l.tenant_id = w.tenant_id
WHERE l.run_id IS NULL
UNION ALL
SELECT 'a wait for an answer belongs to an open step without one', w.run_id, w.policy_id::text
FROM nightjar.waits w LEFT JOIN nightjar.open_steps o ON o.run_id = w.run_id AND o.slot = -w.policy_id / 16
WHERE w.purpose = 2 AND (o.run_id IS NULL OR o.arrived IS NOT NULL)
UNION ALL
SELECT 'an open step belongs to a live run and is not recorded', o.run_id, o.step
FROM nightjar.open_steps o
LEFT JOIN nightjar.live l ON l.run_id = o.run_id AND l.tenant_id = o.tenant_id
LEFT JOIN nightjar.steps s ON s.run_id = o.run_id AND s.step = o.step
WHERE l.run_id IS NULL OR s.run_id IS NOT NULL
UNION ALL
SELECT 'exactly a leased run has a session', l.run_id, l.state::text
FROM nightjar.live l WHERE (l.state = 1) <> (l.session_id IS NOT NULL)
UNION ALL
SELECT 'a lease names a session that is known', l.run_id, l.session_id::text
FROM nightjar.live l LEFT JOIN nightjar.sessions s ON s.session_id = l.session_id
WHERE l.session_id IS NOT NULL AND s.session_id IS NULL
UNION ALL
SELECT 'exactly a run that waits for a time has one', l.run_id, l.state::text
FROM nightjar.live l WHERE (l.state >= 2) <> (l.due_at IS NOT NULL)
UNION ALL
SELECT 'nothing is recorded after the end', s.run_id, s.step
FROM nightjar.steps s JOIN nightjar.outcomes o ON o.run_id = s.run_id WHERE s.recorded_at > o.ended_at
UNION ALL
SELECT 'a step has no attempt after the one that ended it', s.run_id, s.step
FROM nightjar.steps s JOIN nightjar.attempts t ON t.run_id = s.run_id AND t.step = s.step AND t.attempt >= s.attempt
UNION ALL
SELECT 'a cancel by an event comes from a later event of the same tenant', o.run_id, o.cause::text
FROM nightjar.outcomes o JOIN nightjar.runs r ON r.run_id = o.run_id
LEFT JOIN nightjar.events e ON e.event_id = (o.cause ->> 'event_id')::uuid
WHERE o.cause ->> 'kind' = 'event' AND NOT coalesce(e.seq > r.event_seq AND e.tenant_id = r.tenant_id, false)
UNION ALL
SELECT 'a cancelled run has a cause, no other has one', o.run_id, o.status::text
FROM nightjar.outcomes o WHERE (o.status = 3) <> coalesce(o.cause ? 'kind' AND o.cause ? 'asked_at' AND o.cause ? 'applied_at', false)
UNION ALL
SELECT 'a cancelled run that was executing is known as interrupted', o.run_id, o.cause ->> 'session'
FROM nightjar.outcomes o LEFT JOIN nightjar.interruptions i ON i.run_id = o.run_id
WHERE o.cause ->> 'session' IS NOT NULL AND i.run_id IS NULL
UNION ALL
SELECT 'an event starts a function once', min(r.run_id::text)::uuid, count(*)::text
FROM nightjar.runs r WHERE r.rerun_of IS NULL GROUP BY r.event_id, r.function_id HAVING count(*) > 1;

INSERT INTO nightjar.migrations (version, name) VALUES (13, 'reports');
