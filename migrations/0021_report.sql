-- Nightjar 0021: the views of nightjar_report, and what each of their columns means.
--
-- They are a promise: tests compare them with a list. Columns are added at the end; none is renamed, moved or given another type.
-- All read with the rights of whoever asks (security_invoker), so row-level security of the tables counts. Whatever a query
-- does not name is not looked up: what belongs to a run and lies in another log is a subquery in the list of columns.
SET LOCAL client_min_messages = warning;

-- With the rights of whoever asks too, since a view here reads it.
ALTER VIEW nightjar.invariants SET (security_invoker = true);

-- The lowest id of an instant: ids of runs and events begin with the time, and are what the logs are partitioned by. So this is how
-- to say since when, and the only way that leaves partitions unread.
CREATE FUNCTION nightjar_report.id_at(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT nightjar.uuid7_floor(at)
$$;
COMMENT ON FUNCTION nightjar_report.id_at(timestamptz) IS
    'The lowest id of a run or event of an instant: WHERE id >= nightjar_report.id_at(now() - interval ''1 day'').';

CREATE VIEW nightjar_report.runs WITH (security_invoker = true) AS
SELECT r.run_id AS id, t.name AS tenant, a.name AS app, f.name AS function,
       CASE o.status WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' WHEN 3 THEN 'cancelled'
            ELSE (ARRAY['queued', 'running', 'sleeping', 'retrying', 'scheduled', 'waiting', 'invoking'])[l.state + 1] END AS status,
       CASE o.status WHEN 1 THEN 'completed' WHEN 2 THEN 'failed' WHEN 3 THEN 'cancelled' END AS outcome,
       o.cause ->> 'kind' AS cause,
       (SELECT e.name FROM nightjar.events e WHERE e.event_id = r.event_id LIMIT 1) AS event,
       r.event_id, r.created_at AS queued_at,
       greatest(r.created_at, (SELECT e.ts FROM nightjar.events e WHERE e.event_id = r.event_id LIMIT 1)) AS due_at,
       coalesce(o.started_at, l.started_at) AS started_at, o.ended_at,
       CASE WHEN o.run_id IS NULL OR o.started_at IS NOT NULL THEN greatest(0, extract(epoch FROM
           coalesce(o.started_at, l.started_at, clock_timestamp())
           - greatest(r.created_at, (SELECT e.ts FROM nightjar.events e WHERE e.event_id = r.event_id LIMIT 1))))::float8
       END AS wait_seconds,
       CASE WHEN coalesce(o.started_at, l.started_at) IS NOT NULL THEN greatest(0, extract(epoch FROM
           coalesce(o.ended_at, clock_timestamp()) - coalesce(o.started_at, l.started_at)))::float8 END AS execution_seconds,
       CASE WHEN coalesce(o.started_at, l.started_at) IS NULL THEN 0
            ELSE 1 + (SELECT count(*) FROM nightjar.attempts s WHERE s.run_id = r.run_id) END AS attempts,
       (SELECT count(*) FROM nightjar.steps s WHERE s.run_id = r.run_id) AS steps,
       o.output, o.error ->> 'code' AS error_code, o.error ->> 'message' AS error_message, o.error, o.cause AS cause_details,
       l.due_at AS wakes_at, l.expires_at,
       w.name AS worker, r.rerun_of, r.parent_run_id, r.parent_step, r.tenant_id, r.function_id
FROM nightjar.runs r
JOIN nightjar.functions f ON f.function_id = r.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = r.tenant_id
LEFT JOIN nightjar.live l ON l.run_id = r.run_id
LEFT JOIN nightjar.outcomes o ON o.run_id = r.run_id
LEFT JOIN nightjar.sessions w ON w.session_id = l.session_id;

CREATE VIEW nightjar_report.unfinished WITH (security_invoker = true) AS
SELECT l.run_id AS id, t.name AS tenant, a.name AS app, f.name AS function,
       (ARRAY['queued', 'running', 'sleeping', 'retrying', 'scheduled', 'waiting', 'invoking'])[l.state + 1] AS status,
       (SELECT e.name FROM nightjar.events e WHERE e.event_id = l.event_id LIMIT 1) AS event, l.event_id,
       nightjar.uuid7_time(l.run_id) AS queued_at, l.started_at, l.due_at AS wakes_at, l.expires_at,
       extract(epoch FROM clock_timestamp() - nightjar.uuid7_time(l.run_id))::float8 AS age_seconds,
       extract(epoch FROM clock_timestamp() - l.started_at)::float8 AS execution_seconds,
       w.name AS worker, l.epoch AS claims, l.deaths::int AS deaths,
       (SELECT count(*) FROM nightjar.attempts s WHERE s.run_id = l.run_id) AS retries,
       (SELECT count(*) FROM nightjar.steps s WHERE s.run_id = l.run_id) AS steps, l.tenant_id, l.function_id
FROM nightjar.live l
JOIN nightjar.functions f ON f.function_id = l.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = l.tenant_id
LEFT JOIN nightjar.sessions w ON w.session_id = l.session_id;

CREATE VIEW nightjar_report.outcomes WITH (security_invoker = true) AS
SELECT o.run_id, t.name AS tenant, a.name AS app, f.name AS function,
       (ARRAY['completed', 'failed', 'cancelled'])[o.status] AS outcome, o.started_at, o.ended_at,
       CASE WHEN o.started_at IS NOT NULL THEN greatest(0, extract(epoch FROM o.ended_at - o.started_at))::float8 END AS execution_seconds,
       o.output, o.tenant_id, o.function_id
FROM nightjar.outcomes o
JOIN nightjar.functions f ON f.function_id = o.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = o.tenant_id;

-- status <> 1, here and below: it follows from the other condition, and is that of the index outcomes_unsuccessful.
CREATE VIEW nightjar_report.failures WITH (security_invoker = true) AS
SELECT o.run_id, t.name AS tenant, a.name AS app, f.name AS function, o.error ->> 'name' AS error_name, o.error ->> 'code' AS error_code,
       o.error ->> 'message' AS error_message, o.error, o.started_at, o.ended_at AS failed_at, o.tenant_id, o.function_id
FROM nightjar.outcomes o
JOIN nightjar.functions f ON f.function_id = o.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = o.tenant_id
WHERE o.status <> 1 AND o.status = 2;

CREATE VIEW nightjar_report.steps WITH (security_invoker = true) AS
SELECT s.run_id, t.name AS tenant, a.name AS app, f.name AS function, s.step,
       coalesce(s.name, nightjar_report.step_name(s.step)) AS name,
       (ARRAY['run', 'sleep', 'sendEvent', 'waitForEvent', 'invoke', 'waitForSignal', 'fetch', 'infer'])[s.kind] AS kind,
       CASE WHEN s.failed THEN 'failed' ELSE 'completed' END AS status, s.attempt::int AS attempts, s.started_at, s.ended_at, s.due_at,
       greatest(0, extract(epoch FROM s.ended_at - s.started_at))::float8 AS duration_seconds, s.output,
       s.error ->> 'code' AS error_code, s.error ->> 'message' AS error_message, s.recorded_at, s.tenant_id, r.function_id
FROM nightjar.steps s
CROSS JOIN LATERAL (SELECT r.function_id FROM nightjar.runs r WHERE r.run_id = s.run_id LIMIT 1) r
JOIN nightjar.functions f ON f.function_id = r.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = s.tenant_id
UNION ALL
SELECT o.run_id, t.name, a.name, f.name, o.step, coalesce(o.name, nightjar_report.step_name(o.step)),
       (ARRAY['waitForEvent', 'invoke', 'waitForSignal'])[o.kind - 3], 'open', 1, o.started_at, NULL, o.due_at,
       greatest(0, extract(epoch FROM clock_timestamp() - o.started_at))::float8, NULL, NULL, NULL, NULL, o.tenant_id, l.function_id
FROM nightjar.open_steps o
JOIN nightjar.live l ON l.run_id = o.run_id
JOIN nightjar.functions f ON f.function_id = l.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = o.tenant_id;

CREATE VIEW nightjar_report.attempts WITH (security_invoker = true) AS
SELECT s.run_id, t.name AS tenant, a.name AS app, f.name AS function, nullif(s.step, '') AS step, s.attempt::int AS attempt,
       s.error ->> 'code' AS error_code, s.error ->> 'message' AS error_message, s.started_at, s.ended_at, s.retry_at,
       s.tenant_id, r.function_id
FROM nightjar.attempts s
CROSS JOIN LATERAL (SELECT r.function_id FROM nightjar.runs r WHERE r.run_id = s.run_id LIMIT 1) r
JOIN nightjar.functions f ON f.function_id = r.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = s.tenant_id;

CREATE VIEW nightjar_report.events WITH (security_invoker = true) AS
SELECT e.event_id AS id, t.name AS tenant, e.name, e.data, e."user", e.id AS sender_id, e.ts, e.received_at, e.seq,
       (SELECT count(*) FROM nightjar.runs r WHERE r.event_id = e.event_id) AS runs, e.tenant_id
FROM nightjar.events e
JOIN nightjar.tenants t ON t.tenant_id = e.tenant_id;

CREATE VIEW nightjar_report.cancellations WITH (security_invoker = true) AS
SELECT o.run_id, t.name AS tenant, a.name AS app, f.name AS function, o.cause ->> 'kind' AS kind,
       (o.cause ->> 'event_id')::uuid AS event_id, o.cause ->> 'event_name' AS event,
       CASE WHEN p.policy_id IS NOT NULL THEN concat_ws(' ', p.event, p.text) END AS policy,
       o.cause ->> 'timeout' AS timeout, (o.cause ->> 'bulk_id')::uuid AS bulk_id, (o.cause ->> 'parent')::uuid AS parent_run_id,
       o.cause ->> 'actor' AS actor, o.cause ->> 'reason' AS reason,
       (o.cause ->> 'asked_at')::timestamptz AS asked_at, o.ended_at AS applied_at,
       greatest(0, extract(epoch FROM o.ended_at - (o.cause ->> 'asked_at')::timestamptz))::float8 AS late_seconds,
       o.cause ->> 'was' AS was,
       (SELECT max(s.due_at) FROM nightjar.steps s WHERE s.run_id = o.run_id AND s.kind = 2) AS due_at,
       i.steps AS executing, i.ended_at AS stopped_at,
       ARRAY(SELECT jsonb_array_elements_text(o.cause -> 'open')) AS open_steps, o.started_at, o.tenant_id, o.function_id
FROM nightjar.outcomes o
JOIN nightjar.functions f ON f.function_id = o.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = o.tenant_id
LEFT JOIN nightjar.cancel_policies p ON p.policy_id = (o.cause ->> 'policy_id')::int
LEFT JOIN nightjar.interruptions i ON i.run_id = o.run_id
WHERE o.status <> 1 AND o.status = 3;

CREATE VIEW nightjar_report.waits WITH (security_invoker = true) AS
SELECT w.run_id, t.name AS tenant, a.name AS app, f.name AS function, 'cancel' AS purpose, p.event, p.text AS condition, NULL AS step,
       array_to_string(p.event_path, '.') AS event_path,
       nightjar.uuid7_time(w.run_id) AS since, least(p.until, nightjar.uuid7_time(w.run_id) + p.timeout) AS until, w.key, w.tenant_id,
       p.function_id
FROM nightjar.waits w
JOIN nightjar.cancel_policies p ON p.policy_id = w.policy_id
JOIN nightjar.functions f ON f.function_id = p.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = w.tenant_id
WHERE w.purpose = 1
UNION ALL
SELECT o.run_id, t.name, a.name, f.name, 'resume', o.spec ->> 'event', o.spec ->> 'text', o.step, NULL, o.started_at, o.due_at, NULL,
       o.tenant_id, l.function_id
FROM nightjar.open_steps o
JOIN nightjar.live l ON l.run_id = o.run_id
JOIN nightjar.functions f ON f.function_id = l.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = o.tenant_id
WHERE o.arrived IS NULL;

CREATE VIEW nightjar_report.functions WITH (security_invoker = true) AS
SELECT t.name AS tenant, a.name AS app, f.name AS function, f.title, (ARRAY['native', 'remote'])[a.kind] AS kind,
       CASE WHEN f.archived_at IS NULL THEN 'active' ELSE 'archived' END AS status,
       ARRAY(SELECT g.event FROM nightjar.function_triggers g WHERE g.function_id = f.function_id ORDER BY g.event) AS triggers,
       ARRAY(SELECT DISTINCT concat_ws(' ', p.event, p.text) FROM nightjar.cancel_policies p
             WHERE p.function_id = f.function_id AND p.active ORDER BY 1) AS cancel_on,
       ARRAY(SELECT c.cron FROM nightjar.crons c WHERE c.function_id = f.function_id ORDER BY c.cron) AS crons,
       f.flow, extract(epoch FROM f.start_within)::float8 AS start_within_seconds,
       extract(epoch FROM f.finish_within)::float8 AS finish_within_seconds, f.options, f.config, coalesce(f.url, a.url) AS url,
       f.changed_at, f.archived_at, f.tenant_id, f.function_id
FROM nightjar.functions f
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = f.tenant_id;

CREATE VIEW nightjar_report.workers WITH (security_invoker = true) AS
SELECT s.name AS worker, a.name AS app,
       CASE WHEN s.dead THEN 'dead' WHEN s.seen_at + s.ttl < clock_timestamp() THEN 'silent' ELSE 'alive' END AS status,
       s.started_at, s.seen_at, extract(epoch FROM clock_timestamp() - s.seen_at)::float8 AS silent_seconds,
       extract(epoch FROM s.ttl)::float8 AS dead_after_seconds,
       (SELECT count(*) FROM nightjar.live l WHERE l.session_id = s.session_id AND l.state = 1) AS runs, s.session_id
FROM nightjar.sessions s LEFT JOIN nightjar.apps a ON a.app_id = s.queue;

CREATE VIEW nightjar_report.throughput WITH (security_invoker = true) AS
SELECT t.name AS tenant, a.name AS app, f.name AS function, u.grain, u.at, u.queued,
       u.completed, u.failed, u.cancelled, u.completed + u.failed + u.cancelled AS ended, u.steps, u.retries, u.step_seconds,
       u.wait_seconds, nightjar_report.quantile(u.waits, 0.5) AS wait_p50_seconds, nightjar_report.quantile(u.waits, 0.95) AS wait_p95_seconds,
       nightjar_report.quantile(u.waits, 0.99) AS wait_p99_seconds,
       u.execution_seconds, nightjar_report.quantile(u.executions, 0.5) AS execution_p50_seconds,
       nightjar_report.quantile(u.executions, 0.95) AS execution_p95_seconds, nightjar_report.quantile(u.executions, 0.99) AS execution_p99_seconds,
       nightjar_report.quantile(u.cancels, 0.5) AS cancel_p50_seconds, nightjar_report.quantile(u.cancels, 0.95) AS cancel_p95_seconds,
       nightjar_report.quantile(u.cancels, 0.99) AS cancel_p99_seconds,
       u.waits AS wait_histogram, u.executions AS execution_histogram, u.cancels AS cancel_histogram, u.tenant_id, u.function_id
FROM nightjar.run_rollups u
JOIN nightjar.functions f ON f.function_id = u.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = u.tenant_id;

CREATE VIEW nightjar_report.step_throughput WITH (security_invoker = true) AS
SELECT t.name AS tenant, a.name AS app, f.name AS function, u.step,
       (ARRAY['run', 'sleep', 'sendEvent', 'waitForEvent', 'invoke', 'waitForSignal', 'fetch', 'infer'])[u.kind] AS kind, u.grain, u.at,
       u.count, u.failed, u.retries, u.seconds, nightjar_report.quantile(u.durations, 0.5) AS p50_seconds,
       nightjar_report.quantile(u.durations, 0.95) AS p95_seconds, nightjar_report.quantile(u.durations, 0.99) AS p99_seconds,
       u.durations AS histogram, u.tenant_id, u.function_id
FROM nightjar.step_rollups u
JOIN nightjar.functions f ON f.function_id = u.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = u.tenant_id;

CREATE VIEW nightjar_report.event_throughput WITH (security_invoker = true) AS
SELECT t.name AS tenant, u.name, u.at, u.count, u.last_at,
       -- One EXISTS for names and one for prefixes: the former is hashed.
       EXISTS (SELECT FROM nightjar.function_triggers g WHERE g.tenant_id = u.tenant_id AND g.event = u.name)
           OR EXISTS (SELECT FROM nightjar.function_triggers g
                      WHERE g.tenant_id = u.tenant_id AND g.prefix IS NOT NULL AND starts_with(u.name, g.prefix)) AS starts_runs,
       EXISTS (SELECT FROM nightjar.match_paths m WHERE m.tenant_id = u.tenant_id AND m.event = u.name)
           OR EXISTS (SELECT FROM nightjar.match_paths m
                      WHERE m.tenant_id = u.tenant_id AND m.prefix IS NOT NULL AND starts_with(u.name, m.prefix)) AS is_matched,
       u.tenant_id
FROM nightjar.event_rollups u
JOIN nightjar.tenants t ON t.tenant_id = u.tenant_id;

CREATE VIEW nightjar_report.lag WITH (security_invoker = true) AS
SELECT t.name AS tenant, a.name AS app, f.name AS function, c.unfinished, c.ready, c.overdue, c.running, c.sleeping, c.retrying,
       c.scheduled, c.waiting, c.invoking, c.oldest_ready_at, c.oldest_due_at,
       CASE WHEN coalesce(c.oldest_ready_at, c.oldest_due_at) IS NOT NULL THEN greatest(0, extract(epoch FROM
           clock_timestamp() - least(c.oldest_ready_at, c.oldest_due_at)))::float8 END AS lag_seconds, c.next_due_at,
       c.tenant_id, c.function_id
FROM (
    SELECT l.tenant_id, l.function_id, count(*) AS unfinished, count(*) FILTER (WHERE l.state = 0) AS ready,
           count(*) FILTER (WHERE l.due_at <= now()) AS overdue, count(*) FILTER (WHERE l.state = 1) AS running,
           count(*) FILTER (WHERE l.state = 2) AS sleeping, count(*) FILTER (WHERE l.state = 3) AS retrying,
           count(*) FILTER (WHERE l.state = 4) AS scheduled, count(*) FILTER (WHERE l.state = 5) AS waiting,
           count(*) FILTER (WHERE l.state = 6) AS invoking,
           nightjar.uuid7_time((min(l.run_id::text) FILTER (WHERE l.state = 0 AND l.started_at IS NULL))::uuid) AS oldest_ready_at,
           min(l.due_at) FILTER (WHERE l.due_at <= now()) AS oldest_due_at, min(l.due_at) FILTER (WHERE l.due_at > now()) AS next_due_at
    FROM nightjar.live l GROUP BY l.tenant_id, l.function_id) c
JOIN nightjar.functions f ON f.function_id = c.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
JOIN nightjar.tenants t ON t.tenant_id = c.tenant_id;

-- The first line leaves out what cannot be asked of some runs only: it counts all of them. The second says it otherwise.
CREATE VIEW nightjar_report.invariants WITH (security_invoker = true) AS
SELECT i.violated, i.run_id, i.detail FROM nightjar.invariants i WHERE i.violated <> 'an event starts a function once'
UNION ALL
SELECT 'an event starts a function once', r.run_id, 'as did ' || d.run_id
FROM nightjar.runs r
CROSS JOIN LATERAL (SELECT d.run_id FROM nightjar.runs d
                    WHERE d.event_id = r.event_id AND d.function_id = r.function_id AND d.rerun_of IS NULL AND d.run_id < r.run_id
                    ORDER BY d.run_id LIMIT 1) d
WHERE r.rerun_of IS NULL;

CREATE VIEW nightjar_report.rollups WITH (security_invoker = true) AS
SELECT p.source, p.done AS counted, p.advanced_at FROM nightjar.rollup_progress p;

COMMENT ON VIEW nightjar_report.runs IS
    'Every run, one row. Filter by id, which begins with the time: id >= nightjar_report.id_at(…). What a query does not name is not looked up.';
COMMENT ON COLUMN nightjar_report.runs.id IS 'The run: a UUIDv7, so runs are in the order of their creation.';
COMMENT ON COLUMN nightjar_report.runs.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.runs.app IS 'The name of the app.';
COMMENT ON COLUMN nightjar_report.runs.function IS 'The id of the function within its app.';
COMMENT ON COLUMN nightjar_report.runs.status IS
    'queued, running, sleeping, retrying, scheduled, waiting (for an event) or invoking (waiting for a run), and at the end completed, failed or cancelled.';
COMMENT ON COLUMN nightjar_report.runs.outcome IS 'How it ended: completed, failed or cancelled; null before.';
COMMENT ON COLUMN nightjar_report.runs.cause IS 'Of a cancelled run: event, manual, bulk, timeout, parent, singleton or skipped.';
COMMENT ON COLUMN nightjar_report.runs.event IS 'The name of the event that started it; null once the event is gone.';
COMMENT ON COLUMN nightjar_report.runs.event_id IS 'The event that started it, of a batch the first one.';
COMMENT ON COLUMN nightjar_report.runs.queued_at IS 'When it was created, with its event.';
COMMENT ON COLUMN nightjar_report.runs.due_at IS 'When it could begin: at its creation or, if its event lay ahead, then.';
COMMENT ON COLUMN nightjar_report.runs.started_at IS 'When a worker first took it; null: none has.';
COMMENT ON COLUMN nightjar_report.runs.ended_at IS 'When it ended; null: it has not.';
COMMENT ON COLUMN nightjar_report.runs.wait_seconds IS
    'From due_at until it was started, or until now; null: it ended without a start.';
COMMENT ON COLUMN nightjar_report.runs.execution_seconds IS
    'From its start until its end, or until now, with all its sleeps and waits; null: it was never started.';
COMMENT ON COLUMN nightjar_report.runs.attempts IS
    'How often its code was to be executed: 0 before its start, then 1 and one more for each attempt of a step or of itself that failed and was made again.';
COMMENT ON COLUMN nightjar_report.runs.steps IS 'How many steps it has recorded.';
COMMENT ON COLUMN nightjar_report.runs.output IS 'What it returned.';
COMMENT ON COLUMN nightjar_report.runs.error_code IS 'Of a failed run: the kind of its error.';
COMMENT ON COLUMN nightjar_report.runs.error_message IS 'Of a failed run: what went wrong.';
COMMENT ON COLUMN nightjar_report.runs.error IS 'The whole error, with its stack where there is one.';
COMMENT ON COLUMN nightjar_report.runs.cause_details IS
    'Of a cancelled run: by what, when asked and applied, and what it was doing.';
COMMENT ON COLUMN nightjar_report.runs.wakes_at IS 'When it goes on by itself, if it waits for a time.';
COMMENT ON COLUMN nightjar_report.runs.expires_at IS 'When a time limit of its function cancels it.';
COMMENT ON COLUMN nightjar_report.runs.worker IS 'The worker that executes it at this moment.';
COMMENT ON COLUMN nightjar_report.runs.rerun_of IS 'The run that it repeats.';
COMMENT ON COLUMN nightjar_report.runs.parent_run_id IS 'The run that invoked it.';
COMMENT ON COLUMN nightjar_report.runs.parent_step IS 'The step that invoked it.';
COMMENT ON COLUMN nightjar_report.runs.tenant_id IS 'The number of the tenant.';
COMMENT ON COLUMN nightjar_report.runs.function_id IS 'The number of the function.';

COMMENT ON VIEW nightjar_report.unfinished IS
    'Every run that has not ended, one row. Reads no history.';
COMMENT ON COLUMN nightjar_report.unfinished.id IS 'The run: a UUIDv7.';
COMMENT ON COLUMN nightjar_report.unfinished.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.unfinished.app IS 'The name of the app.';
COMMENT ON COLUMN nightjar_report.unfinished.function IS 'The id of the function within its app.';
COMMENT ON COLUMN nightjar_report.unfinished.status IS
    'queued, running, sleeping, retrying, scheduled, waiting (for an event) or invoking (waiting for a run).';
COMMENT ON COLUMN nightjar_report.unfinished.event IS 'The name of the event that started it.';
COMMENT ON COLUMN nightjar_report.unfinished.event_id IS 'The event that started it, of a batch the first one.';
COMMENT ON COLUMN nightjar_report.unfinished.queued_at IS 'When it was created, to the millisecond.';
COMMENT ON COLUMN nightjar_report.unfinished.started_at IS 'When a worker first took it; null: none has.';
COMMENT ON COLUMN nightjar_report.unfinished.wakes_at IS 'When it goes on by itself, if it waits for a time.';
COMMENT ON COLUMN nightjar_report.unfinished.expires_at IS 'When a time limit of its function cancels it.';
COMMENT ON COLUMN nightjar_report.unfinished.age_seconds IS 'How long ago it was created.';
COMMENT ON COLUMN nightjar_report.unfinished.execution_seconds IS 'How long ago it was started, with all its sleeps and waits.';
COMMENT ON COLUMN nightjar_report.unfinished.worker IS 'The worker that executes it at this moment.';
COMMENT ON COLUMN nightjar_report.unfinished.claims IS 'How often a worker took it.';
COMMENT ON COLUMN nightjar_report.unfinished.deaths IS 'How many workers died that held it, since it last got on.';
COMMENT ON COLUMN nightjar_report.unfinished.retries IS 'Attempts that failed and were, or are to be, made again.';
COMMENT ON COLUMN nightjar_report.unfinished.steps IS 'How many steps it has recorded.';
COMMENT ON COLUMN nightjar_report.unfinished.tenant_id IS 'The number of the tenant.';
COMMENT ON COLUMN nightjar_report.unfinished.function_id IS 'The number of the function.';

COMMENT ON VIEW nightjar_report.outcomes IS
    'Every run that has ended, one row, in the order of the ends. Filter by ended_at.';
COMMENT ON COLUMN nightjar_report.outcomes.run_id IS 'The run.';
COMMENT ON COLUMN nightjar_report.outcomes.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.outcomes.app IS 'The name of the app.';
COMMENT ON COLUMN nightjar_report.outcomes.function IS 'The id of the function within its app.';
COMMENT ON COLUMN nightjar_report.outcomes.outcome IS 'completed, failed or cancelled.';
COMMENT ON COLUMN nightjar_report.outcomes.started_at IS 'When a worker first took it; null: none had.';
COMMENT ON COLUMN nightjar_report.outcomes.ended_at IS 'When it ended.';
COMMENT ON COLUMN nightjar_report.outcomes.execution_seconds IS
    'From its start until its end, with all its sleeps and waits; null: it was never started.';
COMMENT ON COLUMN nightjar_report.outcomes.output IS 'What it returned.';
COMMENT ON COLUMN nightjar_report.outcomes.tenant_id IS 'The number of the tenant.';
COMMENT ON COLUMN nightjar_report.outcomes.function_id IS 'The number of the function.';

COMMENT ON VIEW nightjar_report.failures IS
    'Every run that failed. Filter by failed_at.';
COMMENT ON COLUMN nightjar_report.failures.run_id IS 'The run.';
COMMENT ON COLUMN nightjar_report.failures.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.failures.app IS 'The name of the app.';
COMMENT ON COLUMN nightjar_report.failures.function IS 'The id of the function within its app.';
COMMENT ON COLUMN nightjar_report.failures.error_name IS 'The type of its error.';
COMMENT ON COLUMN nightjar_report.failures.error_code IS 'The kind of its error.';
COMMENT ON COLUMN nightjar_report.failures.error_message IS 'What went wrong.';
COMMENT ON COLUMN nightjar_report.failures.error IS 'The whole error, with its stack where there is one.';
COMMENT ON COLUMN nightjar_report.failures.started_at IS 'When a worker first took the run.';
COMMENT ON COLUMN nightjar_report.failures.failed_at IS 'When it failed.';
COMMENT ON COLUMN nightjar_report.failures.tenant_id IS 'The number of the tenant.';
COMMENT ON COLUMN nightjar_report.failures.function_id IS 'The number of the function.';

COMMENT ON VIEW nightjar_report.steps IS
    'Every step that is recorded, and every one that waits for an event, a run or a signal. Filter by run_id, or since when by run_id >= nightjar_report.id_at(…).';
COMMENT ON COLUMN nightjar_report.steps.run_id IS 'The run that it belongs to.';
COMMENT ON COLUMN nightjar_report.steps.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.steps.app IS 'The name of the app.';
COMMENT ON COLUMN nightjar_report.steps.function IS 'The id of the function within its app.';
COMMENT ON COLUMN nightjar_report.steps.step IS
    'Its key in the run: the id, from the second use on with an index; of remote apps a hash.';
COMMENT ON COLUMN nightjar_report.steps.name IS 'As its author called it.';
COMMENT ON COLUMN nightjar_report.steps.kind IS 'run, sleep, sendEvent, waitForEvent, invoke, waitForSignal, fetch or infer.';
COMMENT ON COLUMN nightjar_report.steps.status IS 'completed, failed or open.';
COMMENT ON COLUMN nightjar_report.steps.attempts IS 'How often it was tried.';
COMMENT ON COLUMN nightjar_report.steps.started_at IS 'When its last attempt began, by the clock of the worker.';
COMMENT ON COLUMN nightjar_report.steps.ended_at IS 'When its last attempt ended; of a sleep, when it was recorded. Null: open.';
COMMENT ON COLUMN nightjar_report.steps.due_at IS 'Sleeps: until when. Steps that wait: when they time out.';
COMMENT ON COLUMN nightjar_report.steps.duration_seconds IS
    'How long its last attempt took; open: how long it has waited so far.';
COMMENT ON COLUMN nightjar_report.steps.output IS 'What it returned.';
COMMENT ON COLUMN nightjar_report.steps.error_code IS 'Of a failed step: the kind of its error.';
COMMENT ON COLUMN nightjar_report.steps.error_message IS 'Of a failed step: what went wrong.';
COMMENT ON COLUMN nightjar_report.steps.recorded_at IS 'When the transaction began that recorded it; null: open.';
COMMENT ON COLUMN nightjar_report.steps.tenant_id IS 'The number of the tenant.';
COMMENT ON COLUMN nightjar_report.steps.function_id IS 'The number of the function.';

COMMENT ON VIEW nightjar_report.attempts IS
    'Attempts that failed and were to be made again. Filter by run_id, or since when by run_id >= nightjar_report.id_at(…).';
COMMENT ON COLUMN nightjar_report.attempts.run_id IS 'The run.';
COMMENT ON COLUMN nightjar_report.attempts.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.attempts.app IS 'The name of the app.';
COMMENT ON COLUMN nightjar_report.attempts.function IS 'The id of the function within its app.';
COMMENT ON COLUMN nightjar_report.attempts.step IS 'The step that failed; null: the function itself.';
COMMENT ON COLUMN nightjar_report.attempts.attempt IS 'Which attempt of the step, from 1.';
COMMENT ON COLUMN nightjar_report.attempts.error_code IS 'The kind of the error.';
COMMENT ON COLUMN nightjar_report.attempts.error_message IS 'What went wrong.';
COMMENT ON COLUMN nightjar_report.attempts.started_at IS 'When the attempt began, by the clock of the worker.';
COMMENT ON COLUMN nightjar_report.attempts.ended_at IS 'When it failed.';
COMMENT ON COLUMN nightjar_report.attempts.retry_at IS 'When it was to be made again.';
COMMENT ON COLUMN nightjar_report.attempts.tenant_id IS 'The number of the tenant.';
COMMENT ON COLUMN nightjar_report.attempts.function_id IS 'The number of the function.';

COMMENT ON VIEW nightjar_report.events IS
    'Every event. Filter by id >= nightjar_report.id_at(…).';
COMMENT ON COLUMN nightjar_report.events.id IS 'The event: a UUIDv7.';
COMMENT ON COLUMN nightjar_report.events.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.events.name IS 'Its name.';
COMMENT ON COLUMN nightjar_report.events.data IS 'Its data.';
COMMENT ON COLUMN nightjar_report.events."user" IS 'Its user.';
COMMENT ON COLUMN nightjar_report.events.sender_id IS
    'The sender''s own id for it: the same id within 24 hours has no second effect.';
COMMENT ON COLUMN nightjar_report.events.ts IS 'When it happened or, ahead, when its runs may start, as its sender says.';
COMMENT ON COLUMN nightjar_report.events.received_at IS 'When it was inserted.';
COMMENT ON COLUMN nightjar_report.events.seq IS 'Its place in the order of all events.';
COMMENT ON COLUMN nightjar_report.events.runs IS 'How many runs it started, repetitions by hand included.';
COMMENT ON COLUMN nightjar_report.events.tenant_id IS 'The number of the tenant.';

COMMENT ON VIEW nightjar_report.cancellations IS
    'Every cancelled run: by what, asked and applied when, what it hit. Filter by applied_at.';
COMMENT ON COLUMN nightjar_report.cancellations.run_id IS 'The run.';
COMMENT ON COLUMN nightjar_report.cancellations.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.cancellations.app IS 'The name of the app.';
COMMENT ON COLUMN nightjar_report.cancellations.function IS 'The id of the function within its app.';
COMMENT ON COLUMN nightjar_report.cancellations.kind IS 'event, manual, bulk, timeout, parent, singleton or skipped.';
COMMENT ON COLUMN nightjar_report.cancellations.event_id IS 'By an event: which.';
COMMENT ON COLUMN nightjar_report.cancellations.event IS 'By an event: the event''s name.';
COMMENT ON COLUMN nightjar_report.cancellations.policy IS 'By an event: the policy that matched, as its author wrote it.';
COMMENT ON COLUMN nightjar_report.cancellations.timeout IS 'By a time limit: start or finish.';
COMMENT ON COLUMN nightjar_report.cancellations.bulk_id IS 'By a request for many: which.';
COMMENT ON COLUMN nightjar_report.cancellations.parent_run_id IS 'With the run that had invoked it: which.';
COMMENT ON COLUMN nightjar_report.cancellations.actor IS 'By hand: who.';
COMMENT ON COLUMN nightjar_report.cancellations.reason IS 'By hand: why.';
COMMENT ON COLUMN nightjar_report.cancellations.asked_at IS
    'When it was asked for: when the event was received, the time was up, somebody said so.';
COMMENT ON COLUMN nightjar_report.cancellations.applied_at IS 'When the run ended by it.';
COMMENT ON COLUMN nightjar_report.cancellations.late_seconds IS 'How much later than asked for it was applied.';
COMMENT ON COLUMN nightjar_report.cancellations.was IS 'What it hit: the status of the run at that moment.';
COMMENT ON COLUMN nightjar_report.cancellations.due_at IS
    'Until when the last of its sleeps was to last: when it would have gone on.';
COMMENT ON COLUMN nightjar_report.cancellations.executing IS 'The steps whose bodies were executing on a worker.';
COMMENT ON COLUMN nightjar_report.cancellations.stopped_at IS 'When nothing of it executed any more.';
COMMENT ON COLUMN nightjar_report.cancellations.open_steps IS 'The steps that waited for an event, a run or a signal.';
COMMENT ON COLUMN nightjar_report.cancellations.started_at IS 'When a worker had first taken the run; null: none had.';
COMMENT ON COLUMN nightjar_report.cancellations.tenant_id IS 'The number of the tenant.';
COMMENT ON COLUMN nightjar_report.cancellations.function_id IS 'The number of the function.';

COMMENT ON VIEW nightjar_report.waits IS
    'Who listens for what: one row for each way in which an event could cancel an unfinished run, and for each step that waits.';
COMMENT ON COLUMN nightjar_report.waits.run_id IS 'The run that listens.';
COMMENT ON COLUMN nightjar_report.waits.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.waits.app IS 'The name of the app.';
COMMENT ON COLUMN nightjar_report.waits.function IS 'The id of the function within its app.';
COMMENT ON COLUMN nightjar_report.waits.purpose IS 'cancel: the event cancels the run; resume: the event answers a step.';
COMMENT ON COLUMN nightjar_report.waits.event IS 'The name of the event, or a prefix that ends in *.';
COMMENT ON COLUMN nightjar_report.waits.condition IS 'What has to match, as its author wrote it; null: every event of the name.';
COMMENT ON COLUMN nightjar_report.waits.step IS 'Resume: the step that waits.';
COMMENT ON COLUMN nightjar_report.waits.event_path IS 'Cancel: the place in the event whose value is compared.';
COMMENT ON COLUMN nightjar_report.waits.since IS 'When it began to listen.';
COMMENT ON COLUMN nightjar_report.waits.until IS 'When it stops listening by itself; null: with the run.';
COMMENT ON COLUMN nightjar_report.waits.key IS 'Cancel: the hash of name, place and value by which the event is found.';
COMMENT ON COLUMN nightjar_report.waits.tenant_id IS 'The number of the tenant.';
COMMENT ON COLUMN nightjar_report.waits.function_id IS 'The number of the function.';

COMMENT ON VIEW nightjar_report.functions IS
    'The current configuration of every function.';
COMMENT ON COLUMN nightjar_report.functions.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.functions.app IS 'The name of the app.';
COMMENT ON COLUMN nightjar_report.functions.function IS 'The id of the function within its app.';
COMMENT ON COLUMN nightjar_report.functions.title IS 'Remote apps: its name for people.';
COMMENT ON COLUMN nightjar_report.functions.kind IS 'native (in workers) or remote (called over HTTP).';
COMMENT ON COLUMN nightjar_report.functions.status IS 'active, or archived: nothing starts it any more.';
COMMENT ON COLUMN nightjar_report.functions.triggers IS 'The names of the events that start it, prefixes with *.';
COMMENT ON COLUMN nightjar_report.functions.cancel_on IS
    'The policies by which events cancel its runs, as their author wrote them.';
COMMENT ON COLUMN nightjar_report.functions.crons IS 'When it starts by itself.';
COMMENT ON COLUMN nightjar_report.functions.flow IS 'Batches, debounce, rate limits, throttling, idempotency, singletons.';
COMMENT ON COLUMN nightjar_report.functions.start_within_seconds IS 'A run that has not begun by then is cancelled.';
COMMENT ON COLUMN nightjar_report.functions.finish_within_seconds IS
    'A run that has not ended by then, from its start on, is cancelled.';
COMMENT ON COLUMN nightjar_report.functions.options IS 'Native: what else its author set.';
COMMENT ON COLUMN nightjar_report.functions.config IS 'Remote: as its app registered it.';
COMMENT ON COLUMN nightjar_report.functions.url IS 'Remote: where it is called.';
COMMENT ON COLUMN nightjar_report.functions.changed_at IS 'When it last changed.';
COMMENT ON COLUMN nightjar_report.functions.archived_at IS 'When it vanished from its app.';
COMMENT ON COLUMN nightjar_report.functions.tenant_id IS 'The number of the tenant.';
COMMENT ON COLUMN nightjar_report.functions.function_id IS 'The number of the function.';

COMMENT ON VIEW nightjar_report.workers IS
    'Every worker process that is known, of all tenants: those that ended are forgotten after an hour.';
COMMENT ON COLUMN nightjar_report.workers.worker IS 'Its host and process.';
COMMENT ON COLUMN nightjar_report.workers.app IS 'The app whose functions it executes; null: it serves remote apps.';
COMMENT ON COLUMN nightjar_report.workers.status IS 'alive, silent (it missed its beats) or dead (its runs went to others).';
COMMENT ON COLUMN nightjar_report.workers.started_at IS 'When it began.';
COMMENT ON COLUMN nightjar_report.workers.seen_at IS 'Its last beat.';
COMMENT ON COLUMN nightjar_report.workers.silent_seconds IS 'How long ago that was.';
COMMENT ON COLUMN nightjar_report.workers.dead_after_seconds IS 'How long it may be silent.';
COMMENT ON COLUMN nightjar_report.workers.runs IS 'How many runs it holds, as far as the reader may see them.';
COMMENT ON COLUMN nightjar_report.workers.session_id IS 'Its id.';

COMMENT ON VIEW nightjar_report.throughput IS
    'How many runs a function had a minute, an hour and a day, and how long they took. Kept up by workers, a minute late at most if no transaction stays open; see rollups. Filter by grain and at. Minutes are kept for five weeks, hours and days for good.';
COMMENT ON COLUMN nightjar_report.throughput.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.throughput.app IS 'The name of the app.';
COMMENT ON COLUMN nightjar_report.throughput.function IS 'The id of the function within its app.';
COMMENT ON COLUMN nightjar_report.throughput.grain IS 'minute, hour or day. Sum up one of them.';
COMMENT ON COLUMN nightjar_report.throughput.at IS 'The beginning of the minute, hour or day, UTC.';
COMMENT ON COLUMN nightjar_report.throughput.queued IS 'Runs that were created.';
COMMENT ON COLUMN nightjar_report.throughput.completed IS 'Runs that completed.';
COMMENT ON COLUMN nightjar_report.throughput.failed IS 'Runs that failed.';
COMMENT ON COLUMN nightjar_report.throughput.cancelled IS 'Runs that were cancelled.';
COMMENT ON COLUMN nightjar_report.throughput.ended IS 'The sum of these three.';
COMMENT ON COLUMN nightjar_report.throughput.steps IS 'Steps of the runs that ended.';
COMMENT ON COLUMN nightjar_report.throughput.retries IS 'Attempts of the runs that ended that failed and were made again.';
COMMENT ON COLUMN nightjar_report.throughput.step_seconds IS
    'How long the steps of the runs that ended executed, without those that only wait.';
COMMENT ON COLUMN nightjar_report.throughput.wait_seconds IS
    'The sum of what the runs that ended had waited for a worker, once they were due.';
COMMENT ON COLUMN nightjar_report.throughput.wait_p50_seconds IS 'What half of them waited at most, give or take 4.4 %.';
COMMENT ON COLUMN nightjar_report.throughput.wait_p95_seconds IS 'What 95 % of them waited at most.';
COMMENT ON COLUMN nightjar_report.throughput.wait_p99_seconds IS 'What 99 % of them waited at most.';
COMMENT ON COLUMN nightjar_report.throughput.execution_seconds IS
    'The sum of the times from start to end, with sleeps and waits.';
COMMENT ON COLUMN nightjar_report.throughput.execution_p50_seconds IS
    'What half of them took at most from start to end, give or take 4.4 %.';
COMMENT ON COLUMN nightjar_report.throughput.execution_p95_seconds IS 'What 95 % of them took at most.';
COMMENT ON COLUMN nightjar_report.throughput.execution_p99_seconds IS 'What 99 % of them took at most.';
COMMENT ON COLUMN nightjar_report.throughput.cancel_p50_seconds IS
    'After what time half of the cancels were applied, give or take 4.4 %.';
COMMENT ON COLUMN nightjar_report.throughput.cancel_p95_seconds IS 'After what time 95 % of the cancels were applied.';
COMMENT ON COLUMN nightjar_report.throughput.cancel_p99_seconds IS 'After what time 99 % of the cancels were applied.';
COMMENT ON COLUMN nightjar_report.throughput.wait_histogram IS
    'The waits of the runs that ended: mergeable by nightjar_report.merge, read by nightjar_report.quantile.';
COMMENT ON COLUMN nightjar_report.throughput.execution_histogram IS
    'Their times from start to end: mergeable by nightjar_report.merge, read by nightjar_report.quantile.';
COMMENT ON COLUMN nightjar_report.throughput.cancel_histogram IS
    'The times from a cancel that was asked for to its end: mergeable by nightjar_report.merge, read by nightjar_report.quantile.';
COMMENT ON COLUMN nightjar_report.throughput.tenant_id IS 'The number of the tenant.';
COMMENT ON COLUMN nightjar_report.throughput.function_id IS 'The number of the function.';

COMMENT ON VIEW nightjar_report.step_throughput IS
    'How many steps of runs that have ended a function had an hour and a day, by the time of their end, and how long they took. Filter by grain and at. Of more than 200 names in an hour the rest is "(other steps)".';
COMMENT ON COLUMN nightjar_report.step_throughput.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.step_throughput.app IS 'The name of the app.';
COMMENT ON COLUMN nightjar_report.step_throughput.function IS 'The id of the function within its app.';
COMMENT ON COLUMN nightjar_report.step_throughput.step IS 'The step, as its author called it.';
COMMENT ON COLUMN nightjar_report.step_throughput.kind IS
    'run, sleep, sendEvent, waitForEvent, invoke, waitForSignal, fetch or infer.';
COMMENT ON COLUMN nightjar_report.step_throughput.grain IS 'hour or day. Sum up one of them.';
COMMENT ON COLUMN nightjar_report.step_throughput.at IS 'The beginning of the hour or day, UTC.';
COMMENT ON COLUMN nightjar_report.step_throughput.count IS 'How many.';
COMMENT ON COLUMN nightjar_report.step_throughput.failed IS 'How many of them failed for good.';
COMMENT ON COLUMN nightjar_report.step_throughput.retries IS 'How many attempts were made again.';
COMMENT ON COLUMN nightjar_report.step_throughput.seconds IS 'How long they took together.';
COMMENT ON COLUMN nightjar_report.step_throughput.p50_seconds IS 'What half of them took at most, give or take 4.4 %.';
COMMENT ON COLUMN nightjar_report.step_throughput.p95_seconds IS 'What 95 % of them took at most.';
COMMENT ON COLUMN nightjar_report.step_throughput.p99_seconds IS 'What 99 % of them took at most.';
COMMENT ON COLUMN nightjar_report.step_throughput.histogram IS
    'How long they took: mergeable by nightjar_report.merge, read by nightjar_report.quantile.';
COMMENT ON COLUMN nightjar_report.step_throughput.tenant_id IS 'The number of the tenant.';
COMMENT ON COLUMN nightjar_report.step_throughput.function_id IS 'The number of the function.';

COMMENT ON VIEW nightjar_report.event_throughput IS
    'How many events of a name a tenant had an hour. Filter by at. Of more than 1,000 names in an hour the rest is "(other names)".';
COMMENT ON COLUMN nightjar_report.event_throughput.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.event_throughput.name IS 'The name of the events.';
COMMENT ON COLUMN nightjar_report.event_throughput.at IS 'The beginning of the hour, UTC.';
COMMENT ON COLUMN nightjar_report.event_throughput.count IS 'How many.';
COMMENT ON COLUMN nightjar_report.event_throughput.last_at IS 'When the last one came.';
COMMENT ON COLUMN nightjar_report.event_throughput.starts_runs IS 'Whether some function has a trigger for it now.';
COMMENT ON COLUMN nightjar_report.event_throughput.is_matched IS 'Whether it may cancel or answer runs.';
COMMENT ON COLUMN nightjar_report.event_throughput.tenant_id IS 'The number of the tenant.';

COMMENT ON VIEW nightjar_report.lag IS
    'What has not ended, and how far behind the workers are, by function: sum up by tenant or app. Reads all unfinished runs.';
COMMENT ON COLUMN nightjar_report.lag.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.lag.app IS 'The name of the app.';
COMMENT ON COLUMN nightjar_report.lag.function IS 'The id of the function within its app.';
COMMENT ON COLUMN nightjar_report.lag.unfinished IS 'Runs that have not ended.';
COMMENT ON COLUMN nightjar_report.lag.ready IS 'Runs that could go on, if a worker took them.';
COMMENT ON COLUMN nightjar_report.lag.overdue IS 'Runs whose time has come, and that no worker has taken.';
COMMENT ON COLUMN nightjar_report.lag.running IS 'Runs that a worker holds.';
COMMENT ON COLUMN nightjar_report.lag.sleeping IS 'Runs that sleep.';
COMMENT ON COLUMN nightjar_report.lag.retrying IS 'Runs that wait for the next attempt.';
COMMENT ON COLUMN nightjar_report.lag.scheduled IS 'Runs whose event lies ahead.';
COMMENT ON COLUMN nightjar_report.lag.waiting IS 'Runs that wait for an event.';
COMMENT ON COLUMN nightjar_report.lag.invoking IS 'Runs that wait for a run.';
COMMENT ON COLUMN nightjar_report.lag.oldest_ready_at IS 'Since when the oldest of the runs that have never begun could.';
COMMENT ON COLUMN nightjar_report.lag.oldest_due_at IS 'Since when the oldest of the overdue ones could go on.';
COMMENT ON COLUMN nightjar_report.lag.lag_seconds IS 'How long ago the earlier of the two was; null: nobody waits.';
COMMENT ON COLUMN nightjar_report.lag.next_due_at IS 'When the next one goes on by itself.';
COMMENT ON COLUMN nightjar_report.lag.tenant_id IS 'The number of the tenant.';
COMMENT ON COLUMN nightjar_report.lag.function_id IS 'The number of the function.';

COMMENT ON VIEW nightjar_report.invariants IS
    'Must be empty. Filter by run_id >= nightjar_report.id_at(…), else it reads all that there is.';
COMMENT ON COLUMN nightjar_report.invariants.violated IS 'What should hold.';
COMMENT ON COLUMN nightjar_report.invariants.run_id IS 'The run for which it does not.';
COMMENT ON COLUMN nightjar_report.invariants.detail IS 'In what way.';

COMMENT ON VIEW nightjar_report.rollups IS
    'How far the figures of throughput, step_throughput and event_throughput have come.';
COMMENT ON COLUMN nightjar_report.rollups.source IS 'The log: runs, outcomes or events.';
COMMENT ON COLUMN nightjar_report.rollups.counted IS 'Up to which number of its rows everything is counted.';
COMMENT ON COLUMN nightjar_report.rollups.advanced_at IS 'When a worker last looked.';

INSERT INTO nightjar.migrations (version, name) VALUES (21, 'report');
