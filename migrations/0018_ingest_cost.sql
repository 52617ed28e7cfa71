-- Nightjar 0018: what an inserted event costs.
--
-- A statement of one event took 205 µs in a session of a user's, of which 22 are the insert into `events` alone, and takes 103;
-- an event that nobody hears 113, now 45; one that cancels a run 1,040, now 260; statements of 10 to 1,000 events are 0 to 10 %
-- faster. What it was: functions in SQL that cannot be inlined, which each statement that calls them parses and plans again;
-- statements of a dozen CTEs, which are set up as a whole however few of them have anything to do; plans made for one array.
SET LOCAL client_min_messages = warning;

-- As in 0002, 0006 and 0010, but in PL/pgSQL, which parses and plans once a session. None of them could be inlined:
-- array_to_string, convert_to and jsonb_build_object are only STABLE, and EXISTS is a subquery. 30 µs of each event that has a
-- match key, 500 of each end of a run.
-- is_heard: only for functions and sessions with the planner settings that its queries need.
CREATE OR REPLACE FUNCTION nightjar.match_key(event text, path text[], value jsonb) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RETURN encode(substring(sha256(convert_to(
               event || E'\x1f' || array_to_string(path, E'\x1f') || E'\x1e' || nightjar.canonical_json(value), 'UTF8'))
           FROM 1 FOR 16), 'hex')::uuid;
END $$;

CREATE OR REPLACE FUNCTION nightjar.event_json(name text, data jsonb, "user" jsonb, id text, ts timestamptz) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN jsonb_build_object('id', id, 'name', name, 'data', data,
                              'ts', CASE WHEN isfinite(ts) THEN floor(extract(epoch FROM ts) * 1000)::bigint END)
           || CASE WHEN "user" IS NULL THEN '{}' ELSE jsonb_build_object('user', "user") END;
END $$;

CREATE OR REPLACE FUNCTION nightjar.is_heard(tenant_id int, name text) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM nightjar.heard(ARRAY[is_heard.tenant_id], ARRAY[is_heard.name]));
END $$;

-- Starts a run of a function for one event that is there; `due`: not before. Only for functions with the planner settings that
-- its statements need.
-- Locks: runs, live, waits, newcomers by insertion. Indexes: functions_pkey, cancel_policies_active.
-- Measured and rejected: one statement of CTEs (no less); a loop over the policies in place of cancel_keys (6 µs of 97 less, for
-- a second copy of what it says).
CREATE FUNCTION nightjar.begin_run(e nightjar.events, function_id int, due timestamptz, arrived timestamptz, batched boolean)
RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    run constant uuid := nightjar.uuid7();
    ahead constant boolean := due > arrived;
    f record;
BEGIN
    SELECT g.queue, g.start_within, g.has_conditions INTO STRICT f
    FROM nightjar.functions g WHERE g.function_id = begin_run.function_id;
    INSERT INTO nightjar.runs (run_id, tenant_id, function_id, event_id, event_seq, created_at)
    VALUES (run, e.tenant_id, begin_run.function_id, e.event_id, e.seq, arrived);
    INSERT INTO nightjar.live (run_id, event_id, pass, due_at, queue, tenant_id, function_id, state, expires_at, newcomer, origin, batched)
    VALUES (run, e.event_id, e.seq, CASE WHEN ahead THEN due END, f.queue, e.tenant_id, begin_run.function_id,
            CASE WHEN ahead THEN 4 ELSE 0 END, greatest(due, arrived) + f.start_within, ahead OR f.has_conditions,
            CASE WHEN starts_with(e.name, 'inngest/function.') THEN 2 ELSE 0 END, begin_run.batched);
    INSERT INTO nightjar.waits (tenant_id, policy_id, key, run_id, since)
    SELECT e.tenant_id, k.policy_id, k.key, run, e.seq
    FROM nightjar.cancel_keys(begin_run.function_id, e.name, e.data, e."user", e.id, e.event_id, e.ts) k;
    IF FOUND AND (ahead OR f.has_conditions) THEN
        INSERT INTO nightjar.newcomers (run_id, seq) VALUES (run, e.seq);
    END IF;
    RETURN run;
END $$;

-- As in 0015, by means of begin_run.
-- Locks: live, runs, waits by insertion; pending rows by insertion, in key order. Indexes: events_pkey, functions_pkey,
-- cancel_policies_active, match_log_key.
CREATE OR REPLACE FUNCTION nightjar.start_run(function_id int, event_id uuid, due timestamptz, batch uuid[] DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    arrived constant timestamptz := clock_timestamp();
    e nightjar.events;
    run uuid;
BEGIN
    SELECT v.* INTO e FROM nightjar.events v WHERE v.event_id = start_run.event_id LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;        -- it waited for longer than events are kept
    END IF;
    run := nightjar.begin_run(e, function_id, due, arrived, coalesce(cardinality(batch) > 1, false));
    IF cardinality(batch) > 1 THEN
        INSERT INTO nightjar.run_events (run_id, position, event_id)
        SELECT run, b.position, b.event_id FROM unnest(batch) WITH ORDINALITY AS b (event_id, position);
    END IF;
    -- An event that has waited since long may have been cancelled meanwhile; the first claim looks back an hour only.
    IF e.received_at < arrived - interval '10 minutes' THEN
        INSERT INTO nightjar.pending (tenant_id, key, seq, event_id, asked_at)
        SELECT DISTINCT ON (m.tenant_id, m.key, m.seq) m.tenant_id, m.key, m.seq, m.event_id, nightjar.uuid7_time(m.log_id)
        FROM (SELECT w.tenant_id, w.key, w.since FROM nightjar.waits w WHERE w.run_id = run AND w.purpose = 1 OFFSET 0) w
        JOIN nightjar.match_log m ON m.tenant_id = w.tenant_id AND m.key = w.key AND m.seq > w.since
        WHERE m.log_id >= nightjar.uuid7_floor(e.received_at - interval '1 hour')
          AND m.log_id < nightjar.uuid7_floor(arrived + interval '1 hour')
        ORDER BY m.tenant_id, m.key, m.seq
        ON CONFLICT DO NOTHING;
    END IF;
    RETURN run;
END $$;

-- As in 0011. A single event of a sender's, which is what most statements insert, takes a shorter way through 1 and, if no place
-- in events of its name is ever matched, one around 3.
-- Locks: idempotency rows in key order (only events with an id of their own) → live rows that nobody leases, ascending,
-- SKIP LOCKED → open steps → waits. It never waits for a worker, and never holds a row that a worker's commit waits for.
-- Indexes: function_triggers_pkey, function_triggers_wildcard, match_paths_pkey, match_paths_wildcard,
--          cancel_policies_active, waits_key, live_pkey; for an invoked function apps_tenant_id_name_key and
--          functions_tenant_id_app_id_name_key.
-- Measured and rejected: without the planner settings (1 µs less); the listeners as an array instead of a loop (no less).
CREATE OR REPLACE FUNCTION nightjar.ingest() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    -- How many runs an inserting transaction ends by itself, and how many candidates it looks at for each of its keys; the
    -- rest is left to the workers, so that no event can make a user's transaction long.
    inline_limit constant int := 100;
    told_limit constant int := 10;
    arrived constant timestamptz := clock_timestamp();
    single  boolean;     -- one event, and not of Nightjar's own: `e`
    has_ids boolean;
    has_calls boolean;
    has_own boolean;     -- names that begin with "inngest/"
    e       nightjar.events;
    listener record;
    gated   boolean := false;
    run     uuid;
    stale   uuid[];      -- events whose id was seen within 24 hours: they have no effect on waiting runs
    started int := 0;
    keyed   int := 0;
    ids     uuid[];
    reasons jsonb[];
    gate    record;
BEGIN
    SELECT count(*) = 1, bool_or(n.id IS NOT NULL), bool_or(n.name = 'inngest/function.invoked'),
           bool_or(starts_with(lower(n.name), 'inngest/'))
    INTO single, has_ids, has_calls, has_own FROM inserted n;
    IF has_ids IS NULL THEN
        RETURN NULL;     -- an INSERT of no rows
    END IF;
    -- The real ones come from triggers, and from nightjar.send_signal.
    IF has_own AND pg_trigger_depth() = 1 AND coalesce(current_setting('nightjar.signal', true), '') = '' THEN
        RAISE EXCEPTION 'names of events that begin with "inngest/" are for events that Nightjar itself sends'
            USING ERRCODE = 'check_violation', HINT = 'Choose another name.';
    END IF;
    single := single AND NOT has_own;

    -- 1. Runs: one for each event and function that listens to its name.
    IF single THEN
        SELECT n.* INTO e FROM inserted n;
        FOR listener IN
            SELECT DISTINCT t.function_id, t.gated
            FROM (
                SELECT t.function_id, t.gated, t.condition FROM nightjar.function_triggers t
                WHERE t.tenant_id = e.tenant_id AND t.event = e.name
                UNION ALL
                SELECT t.function_id, t.gated, t.condition FROM nightjar.function_triggers t
                WHERE t.tenant_id = e.tenant_id AND t.prefix IS NOT NULL AND starts_with(e.name, t.prefix)
            ) t
            WHERE t.gated OR t.condition IS NULL
               OR nightjar.evaluate(t.condition, nightjar.event_json(e.name, e.data, e."user", coalesce(e.id, e.event_id::text), e.ts),
                                    NULL) = 'true'
            ORDER BY t.function_id, t.gated
        LOOP
            IF listener.gated THEN
                gated := true;
                CONTINUE;
            END IF;
            IF has_ids THEN
                -- ON CONFLICT: as below.
                INSERT INTO nightjar.idempotency AS i (tenant_id, scope, key, event_id, at)
                VALUES (e.tenant_id, listener.function_id, e.id, e.event_id, arrived)
                ON CONFLICT (tenant_id, scope, key) DO UPDATE SET event_id = excluded.event_id, at = excluded.at
                    WHERE i.at < excluded.at - interval '24 hours';
                CONTINUE WHEN NOT FOUND;
            END IF;
            -- An assignment: PERFORM would make a statement of it.
            run := nightjar.begin_run(e, listener.function_id, e.ts, arrived, false);
            started := started + 1;
        END LOOP;
    ELSE
        WITH matched AS MATERIALIZED (
            SELECT DISTINCT ON (n.seq, t.function_id)
                   n.event_id, n.seq, n.tenant_id, n.name, n.data, n."user", n.id, n.ts, t.function_id
            FROM inserted n
            CROSS JOIN LATERAL (
                SELECT t.function_id, t.source, t.condition FROM nightjar.function_triggers t
                WHERE t.tenant_id = n.tenant_id AND t.event = n.name AND NOT t.gated
                UNION ALL
                SELECT t.function_id, t.source, t.condition FROM nightjar.function_triggers t
                WHERE t.tenant_id = n.tenant_id AND t.prefix IS NOT NULL AND starts_with(n.name, t.prefix) AND NOT t.gated
            ) t
            WHERE (NOT starts_with(n.name, 'inngest/function.')
                   OR n.name <> 'inngest/function.invoked'
                      AND (t.source::text = n.data #>> '{_nightjar,function}'
                           OR t.source IS NULL AND n.data #> '{_nightjar,quiet}' IS DISTINCT FROM 'true'))
              AND (t.condition IS NULL
                   OR nightjar.evaluate(t.condition, nightjar.event_json(n.name, n.data, n."user", coalesce(n.id, n.event_id::text), n.ts),
                                        NULL) = 'true')
            UNION ALL
            SELECT n.event_id, n.seq, n.tenant_id, n.name, n.data, n."user", n.id, n.ts, f.function_id
            FROM inserted n
            CROSS JOIN LATERAL (
                SELECT f.function_id FROM nightjar.apps a
                JOIN nightjar.functions f ON f.app_id = a.app_id AND f.tenant_id = n.tenant_id
                WHERE a.tenant_id = n.tenant_id AND a.name = n.data #>> '{_nightjar,app}' AND f.name = n.data #>> '{_nightjar,function}'
                LIMIT 1) f
            WHERE has_calls AND n.name = 'inngest/function.invoked'
        ), fresh AS (
            -- ON CONFLICT waits for a concurrent insert of the same id, and then sees whether it committed.
            INSERT INTO nightjar.idempotency AS i (tenant_id, scope, key, event_id, at)
            SELECT DISTINCT ON (m.tenant_id, m.function_id, m.id) m.tenant_id, m.function_id, m.id, m.event_id, arrived
            FROM matched m WHERE m.id IS NOT NULL
            ORDER BY m.tenant_id, m.function_id, m.id, m.seq
            ON CONFLICT (tenant_id, scope, key) DO UPDATE SET event_id = excluded.event_id, at = excluded.at
                WHERE i.at < excluded.at - interval '24 hours'
            RETURNING i.scope, i.event_id
        ), started AS MATERIALIZED (
            SELECT nightjar.uuid7() AS run_id, m.*, m.name = 'inngest/function.invoked' AS invoked FROM (
                SELECT m.* FROM matched m
                -- IN, not EXISTS: a hashed subplan, where a nested loop would be quadratic in the statement's events.
                WHERE m.id IS NULL OR (m.event_id, m.function_id) IN (SELECT f.event_id, f.scope FROM fresh f)
                ORDER BY m.seq, m.function_id) m
        ), logged AS (
            INSERT INTO nightjar.runs (run_id, tenant_id, function_id, event_id, event_seq, created_at, parent_run_id, parent_step)
            SELECT s.run_id, s.tenant_id, s.function_id, s.event_id, s.seq, arrived,
                   CASE WHEN s.invoked THEN (s.data #>> '{_nightjar,parent}')::uuid END,
                   CASE WHEN s.invoked THEN s.data #>> '{_nightjar,step}' END
            FROM started s
        ), alive AS (
            INSERT INTO nightjar.live (run_id, event_id, pass, due_at, queue, tenant_id, function_id, state, expires_at, newcomer, origin)
            SELECT s.run_id, s.event_id, s.seq, CASE WHEN s.ts > arrived THEN s.ts END, f.queue, s.tenant_id, s.function_id,
                   CASE WHEN s.ts > arrived THEN 4 ELSE 0 END, greatest(s.ts, arrived) + f.start_within,
                   s.ts > arrived OR f.has_conditions,
                   CASE WHEN s.invoked THEN CASE WHEN s.data #> '{_nightjar,quiet}' = 'true' THEN 3 ELSE 1 END
                        WHEN starts_with(s.name, 'inngest/function.') THEN 2 ELSE 0 END
            FROM started s
            CROSS JOIN LATERAL (SELECT f.queue, f.start_within, f.has_conditions FROM nightjar.functions f
                                WHERE f.function_id = s.function_id OFFSET 0) f
            RETURNING run_id, pass, newcomer
        ), waiting AS (
            -- A place that the trigger does not have matches nothing, so it makes no wait.
            INSERT INTO nightjar.waits (tenant_id, policy_id, key, run_id, since)
            SELECT s.tenant_id, k.policy_id, k.key, s.run_id, s.seq
            FROM started s
            CROSS JOIN LATERAL nightjar.cancel_keys(s.function_id, s.name, s.data, s."user", s.id, s.event_id, s.ts) k
            RETURNING run_id
        ), new AS (
            -- IS TRUE: a hashed subplan; as a join this was quadratic in the statement's events (37,000 events a second → 15,000).
            INSERT INTO nightjar.newcomers (run_id, seq)
            SELECT a.run_id, a.pass FROM alive a WHERE a.newcomer AND (a.run_id IN (SELECT w.run_id FROM waiting w)) IS TRUE
        ), called AS (
            -- = ANY (ARRAY(…)) beside the join: else the table could be read from end to end for it, and for every event.
            UPDATE nightjar.open_steps o SET child_run_id = s.run_id
            FROM (SELECT s.run_id, s.tenant_id, (s.data #>> '{_nightjar,parent}')::uuid AS parent, s.data #>> '{_nightjar,step}' AS step
                  FROM started s WHERE s.invoked OFFSET 0) s
            WHERE o.run_id = ANY (ARRAY(SELECT (s.data #>> '{_nightjar,parent}')::uuid FROM started s WHERE s.invoked))
              AND o.run_id = s.parent AND o.step = s.step AND o.kind = 5 AND o.tenant_id = s.tenant_id
        )
        SELECT count(*) INTO started FROM started;
        gated := EXISTS (SELECT FROM nightjar.function_triggers t
                         WHERE t.gated AND t.tenant_id IN (SELECT n.tenant_id FROM inserted n));
    END IF;

    IF gated THEN
        -- Two statements with the same keys in another order would wait for each other.
        PERFORM pg_advisory_xact_lock(l.lock)
        FROM (SELECT g.lock FROM nightjar.gate_locks(ARRAY(SELECT n.event_id FROM inserted n)) AS g (lock) ORDER BY g.lock) l;
        FOR gate IN SELECT bool_or(a.started) AS started, bool_or(a.gathered) AS gathered
                    FROM (SELECT n.event_id FROM inserted n WHERE n.name <> 'inngest/function.invoked' ORDER BY n.seq) n
                    CROSS JOIN LATERAL nightjar.admit(n.event_id) a LOOP
            started := started + CASE WHEN gate.started THEN 1 ELSE 0 END;
            IF gate.gathered THEN
                PERFORM pg_notify('nightjar', 'gathered');  -- whoever sends it: nobody else knows
            END IF;
        END LOOP;
    END IF;

    -- Whoever invokes what does not exist is told so, as of a run that failed.
    IF has_calls THEN
        INSERT INTO nightjar.events (tenant_id, name, data)
        SELECT n.tenant_id, 'inngest/function.finished', jsonb_build_object(
                   'function_id', n.data #> '{_inngest,fn_id}', 'run_id', NULL, 'event', NULL, 'events', '[]'::jsonb,
                   'correlation_id', n.data #> '{_inngest,correlation_id}',
                   'error', jsonb_build_object('name', 'UnknownFunction', 'code', 'unknown_function',
                       'message', format('there is no function "%s" in app "%s"; has a worker with it been started?',
                                         n.data #>> '{_nightjar,function}', n.data #>> '{_nightjar,app}')),
                   '_inngest', '{"status": "Failed"}'::jsonb, '_nightjar', '{"quiet": true}'::jsonb)
        FROM inserted n
        WHERE n.name = 'inngest/function.invoked' AND n.data ? '_nightjar'
          AND NOT EXISTS (SELECT FROM nightjar.runs r WHERE r.event_id = n.event_id OFFSET 0);
    END IF;

    -- 2. An id that was here before has no second effect on waiting runs either: a retried cancel must not hit the run
    --    that was scheduled in between.
    IF has_ids THEN
        WITH fresh AS (
            INSERT INTO nightjar.idempotency AS i (tenant_id, scope, key, event_id, at)
            SELECT DISTINCT ON (n.tenant_id, k.key) n.tenant_id, 0, k.key, n.event_id, arrived
            FROM inserted n CROSS JOIN LATERAL (SELECT n.name || E'\x1f' || n.id) AS k (key)
            WHERE n.id IS NOT NULL
            ORDER BY n.tenant_id, k.key, n.seq
            ON CONFLICT (tenant_id, scope, key) DO UPDATE SET event_id = excluded.event_id, at = excluded.at
                WHERE i.at < excluded.at - interval '24 hours'
            RETURNING i.event_id
        )
        SELECT array_agg(n.event_id) INTO stale FROM inserted n
        WHERE n.id IS NOT NULL AND n.event_id NOT IN (SELECT f.event_id FROM fresh f);
    END IF;

    -- 3. Match keys: into the log, for runs whose inserting transaction this statement cannot see; and into `pending`,
    --    so that they are probed again after this commit.
    IF NOT single
       OR EXISTS (SELECT FROM nightjar.match_paths m WHERE m.tenant_id = e.tenant_id AND m.event = e.name)
       OR EXISTS (SELECT FROM nightjar.match_paths m
                  WHERE m.tenant_id = e.tenant_id AND m.prefix IS NOT NULL AND starts_with(e.name, m.prefix)) THEN
        WITH keys AS MATERIALIZED (
            SELECT DISTINCT n.event_id, n.tenant_id, n.seq, n.name, k.key
            FROM inserted n
            CROSS JOIN LATERAL nightjar.event_keys(n.tenant_id, n.name, n.data, n."user", coalesce(n.id, n.event_id::text), n.ts)
                AS k (key)
            WHERE stale IS NULL OR n.event_id <> ALL (stale)
        ), logged AS (
            INSERT INTO nightjar.match_log (event_id, tenant_id, key, seq)
            SELECT k.event_id, k.tenant_id, k.key, k.seq FROM keys k
        ), queued AS (
            INSERT INTO nightjar.pending (tenant_id, key, seq, event_id, asked_at)
            SELECT k.tenant_id, k.key, k.seq, k.event_id, arrived FROM keys k
        ), found AS MATERIALIZED (
            SELECT w.run_id, w.policy_id, k.event_id, k.seq, k.name
            FROM keys k
            CROSS JOIN LATERAL (
                SELECT w.run_id, w.policy_id FROM nightjar.waits w
                WHERE w.tenant_id = k.tenant_id AND w.key = k.key AND w.since < k.seq AND w.purpose = 1
                ORDER BY w.run_id LIMIT inline_limit) w
            LIMIT 10 * inline_limit
        ), hit AS MATERIALIZED (
            SELECT DISTINCT ON (f.run_id) f.run_id, jsonb_build_object(
                       'kind', 'event', 'event_id', f.event_id, 'event_name', f.name, 'event_seq', f.seq,
                       'policy_id', f.policy_id, 'asked_at', arrived) AS cause
            FROM found f
            WHERE nightjar.policy_holds(f.policy_id, f.run_id, f.event_id, arrived)
            ORDER BY f.run_id, f.seq, f.policy_id
        )
        SELECT (SELECT count(*) FROM keys),
               array_agg(h.run_id), array_agg(h.cause) INTO keyed, ids, reasons
        FROM (SELECT h.run_id, h.cause FROM hit h LIMIT inline_limit) h;
    END IF;

    -- 4. The few that can end at once do, so that a cancel is seen to have worked even when no worker runs.
    --    Not under a stricter isolation: there a row that changed meanwhile would be an error for the sender. Not deep
    --    below it either: the end of a run is an event that may end others, whose ends are events.
    IF ids IS NOT NULL AND current_setting('transaction_isolation') = 'read committed' AND pg_trigger_depth() < 8 THEN
        -- An end that is told of is an event, with all that its run had recorded, and may start another run.
        -- LATERAL … OFFSET 0: analyzed while it was empty, `live` was read from end to end here, and each row asked about.
        IF EXISTS (SELECT FROM unnest(ids) AS t (run_id)
                   CROSS JOIN LATERAL (SELECT l.tenant_id, l.function_id FROM nightjar.live l
                                       WHERE l.run_id = t.run_id OFFSET 0) l
                   WHERE EXISTS (SELECT FROM nightjar.function_triggers s WHERE s.source = l.function_id)
                      OR nightjar.is_heard(l.tenant_id, 'inngest/function.cancelled')
                      OR nightjar.is_heard(l.tenant_id, 'inngest/function.finished')) THEN
            ids := ids[1 : told_limit];
            reasons := reasons[1 : told_limit];
        END IF;
        PERFORM FROM nightjar.cancel_runs(ids, reasons, false);
    END IF;

    IF started > 0 OR keyed > 0 THEN
        PERFORM nightjar.hint(concat_ws(' ', CASE WHEN started > 0 THEN 'ready' END, CASE WHEN keyed > 0 THEN 'pending' END));
    END IF;
    RETURN NULL;
END $$;

-- As in workers' sessions, and in ingest. What takes an array, such as run_id = ANY (…), was planned anew by each call, since
-- the plan for this array seemed cheaper than the one for any: 220 of 480 µs of an event that cancels a run.
ALTER FUNCTION nightjar.cancel_runs(uuid[], jsonb[], boolean) SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION nightjar.live_ended() SET plan_cache_mode = force_generic_plan;

REVOKE EXECUTE ON FUNCTION nightjar.begin_run(nightjar.events, int, timestamptz, timestamptz, boolean) FROM PUBLIC;

INSERT INTO nightjar.migrations (version, name) VALUES (18, 'ingest_cost');
