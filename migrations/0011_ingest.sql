-- Nightjar 0011: an inserted event, as in 0003; with policies of several parts and conditions, start time limits, runs
-- that are invoked, and system events that only those hear whom they concern.
SET LOCAL client_min_messages = warning;

-- Locks: idempotency rows in key order (only events with an id of their own) → live rows that nobody leases, ascending,
-- SKIP LOCKED → open steps → waits. It never waits for a worker, and never holds a row that a worker's commit waits for.
-- Indexes: function_triggers_pkey, function_triggers_wildcard, match_paths_pkey, match_paths_wildcard,
--          cancel_policies_active, waits_key, live_pkey; for an invoked function apps_tenant_id_name_key and
--          functions_tenant_id_app_id_name_key.
CREATE OR REPLACE FUNCTION nightjar.ingest() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    -- How many runs an inserting transaction ends by itself, and how many candidates it looks at for each of its keys; the
    -- rest is left to the workers, so that no event can make a user's transaction long.
    inline_limit constant int := 100;
    told_limit constant int := 10;
    arrived constant timestamptz := clock_timestamp();
    has_ids boolean;
    has_calls boolean;
    stale   uuid[];      -- events whose id was seen within 24 hours: they have no effect on waiting runs
    started int;
    keyed   int;
    ids     uuid[];
    reasons jsonb[];
    gate    record;
BEGIN
    SELECT bool_or(n.id IS NOT NULL), bool_or(n.name = 'inngest/function.invoked') INTO has_ids, has_calls FROM inserted n;
    IF has_ids IS NULL THEN
        RETURN NULL;     -- an INSERT of no rows
    END IF;
    -- The real ones come from triggers, and from nightjar.send_signal.
    IF pg_trigger_depth() = 1 AND EXISTS (SELECT FROM inserted n WHERE starts_with(lower(n.name), 'inngest/'))
       AND coalesce(current_setting('nightjar.signal', true), '') = '' THEN
        RAISE EXCEPTION 'names of events that begin with "inngest/" are for events that Nightjar itself sends'
            USING ERRCODE = 'check_violation', HINT = 'Choose another name.';
    END IF;

    -- 1. Runs: one for each event and function that listens to its name.
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

    IF EXISTS (SELECT FROM nightjar.function_triggers t WHERE t.gated AND t.tenant_id IN (SELECT n.tenant_id FROM inserted n)) THEN
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

INSERT INTO nightjar.migrations (version, name) VALUES (11, 'ingest');
