-- Nightjar 0012: what people do: cancel many, look before they do, schedule again, run again.
SET LOCAL client_min_messages = warning;

-- ---------------------------------------------------------------------------------------------------------------------
-- Cancelling many runs by what they have in common
-- ---------------------------------------------------------------------------------------------------------------------

-- One row per request. Workers, or whoever calls nightjar.bulk_advance, go through `live` once, in the order of the run ids.
CREATE TABLE nightjar.bulk_cancels (
    bulk_id        uuid NOT NULL DEFAULT nightjar.uuid7() PRIMARY KEY,
    tenant_id      int NOT NULL,
    app            text,
    function       text,
    function_ids   int[],                   -- what the two names mean; null: any function
    status         text[],                  -- as in run_status; null: any
    created_after  timestamptz,
    created_before timestamptz,
    expression     text,                    -- over `event`, as its author wrote it
    condition      jsonb,                   -- the same, compiled
    path           jsonpath,                -- another way to say it, for SQL
    upto           bigint,                  -- runs of events after this number are left alone; null: asked to cover them
    actor          text NOT NULL,
    reason         text,
    asked_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    state          smallint NOT NULL DEFAULT 1,     -- 1 running, 2 interrupted, 3 done
    last_run       uuid,                    -- how far it has come
    hits           bigint NOT NULL DEFAULT 0,       -- in this passage through `live`
    examined       bigint NOT NULL DEFAULT 0,
    cancelled      bigint NOT NULL DEFAULT 0,
    requested      bigint NOT NULL DEFAULT 0,       -- somebody held them locked: they are applied like a cancel of one
    advanced_at    timestamptz,             -- when somebody last carried it further
    ended_at       timestamptz
);
CREATE INDEX bulk_cancels_running ON nightjar.bulk_cancels (bulk_id) WHERE state = 1;

-- The functions that two names mean, each null for any. A name that nothing bears is an error, not an empty set.
CREATE FUNCTION nightjar.named_functions(app text, function text) RETURNS int[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    ids int[];
BEGIN
    IF app IS NULL AND function IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(f.function_id) INTO ids FROM nightjar.functions f JOIN nightjar.apps a ON a.app_id = f.app_id
    WHERE f.tenant_id = nightjar.current_tenant() AND (named_functions.app IS NULL OR a.name = named_functions.app)
      AND (named_functions.function IS NULL OR f.name = named_functions.function);
    IF ids IS NULL THEN
        RAISE EXCEPTION 'there is no function "%"%', coalesce(function, '*'), coalesce(' in app "' || app || '"', '')
            USING ERRCODE = 'undefined_object',
                  HINT = 'There are: ' || coalesce((
                      SELECT string_agg(k.name, ', ' ORDER BY k.name) FROM (
                          SELECT a.name || '/' || f.name AS name
                          FROM nightjar.functions f JOIN nightjar.apps a ON a.app_id = f.app_id
                          WHERE f.tenant_id = nightjar.current_tenant() ORDER BY 1 LIMIT 50) k), 'none') || '.';
    END IF;
    RETURN ids;
END $$;

-- The numbers in `live` of what a status is called; an unknown one, or one of runs that have ended, is an error.
CREATE FUNCTION nightjar.live_states(status text[]) RETURNS smallint[] LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    known constant text[] := ARRAY['queued', 'running', 'sleeping', 'retrying', 'scheduled', 'waiting', 'invoking'];
    word text;
    states smallint[] := '{}';
BEGIN
    IF status IS NULL THEN
        RETURN NULL;
    END IF;
    FOREACH word IN ARRAY status LOOP
        IF array_position(known, word) IS NULL THEN
            RAISE EXCEPTION 'no unfinished run has the status "%"', word
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Use one of ' || array_to_string(known, ', ') || '.';
        END IF;
        states := states || (array_position(known, word) - 1)::smallint;
    END LOOP;
    RETURN states;
END $$;

-- Whether one unfinished run is meant. Indexes: runs_pkey, events_pkey, for those that the rest has left.
CREATE FUNCTION nightjar.is_meant(l nightjar.live, b nightjar.bulk_cancels, states smallint[]) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    event jsonb;
BEGIN
    -- Handlers clean up after others: who means them names them.
    IF b.function IS NULL AND EXISTS (SELECT FROM nightjar.function_triggers t WHERE t.function_id = l.function_id AND t.source IS NOT NULL) THEN
        RETURN false;
    END IF;
    IF l.tenant_id <> b.tenant_id OR NOT coalesce(l.function_id = ANY (b.function_ids), true)
       OR NOT coalesce(l.state = ANY (states), true) THEN
        RETURN false;
    ELSIF b.upto IS NOT NULL AND EXISTS (SELECT FROM nightjar.runs r WHERE r.run_id = l.run_id AND r.event_seq > b.upto) THEN
        RETURN false;
    ELSIF b.condition IS NULL AND b.path IS NULL THEN
        RETURN true;
    END IF;
    event := nightjar.event_json(l.event_id);
    RETURN (b.condition IS NULL OR coalesce(nightjar.evaluate(b.condition, event, NULL) = 'true', false))
       AND (b.path IS NULL OR coalesce(jsonb_path_match(event, b.path, silent => true), false));
END $$;

-- Asks for the cancel of all unfinished runs that are meant, and answers the request's id. Workers carry it out; see
-- nightjar.bulk_cancels for how far they have come. Runs that start later are covered only if `include_new`.
CREATE FUNCTION nightjar.bulk_cancel(
    function text DEFAULT NULL, app text DEFAULT NULL, status text[] DEFAULT NULL, created_after timestamptz DEFAULT NULL,
    created_before timestamptz DEFAULT NULL, path jsonpath DEFAULT NULL, expression text DEFAULT NULL,
    condition jsonb DEFAULT NULL, include_new boolean DEFAULT false, actor text DEFAULT session_user, reason text DEFAULT NULL)
RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    id uuid;
BEGIN
    PERFORM nightjar.live_states(status);
    IF condition IS NOT NULL THEN
        IF jsonb_typeof(condition) <> 'array' THEN
            RAISE EXCEPTION 'a condition is a compiled expression, a JSON array' USING ERRCODE = 'invalid_parameter_value',
                HINT = 'In SQL, say it as path => ''$.data.tier == "free"''.';
        END IF;
        PERFORM nightjar.evaluate(condition, '{}', NULL);
    END IF;
    INSERT INTO nightjar.bulk_cancels (tenant_id, app, function, function_ids, status, created_after, created_before, path,
                                       expression, condition, upto, actor, reason)
    VALUES (nightjar.current_tenant(), app, function, nightjar.named_functions(app, function), status, created_after,
            created_before, path, expression, condition,
            CASE WHEN NOT include_new THEN nextval('nightjar.event_seq') END, actor, reason)
    RETURNING bulk_id INTO id;
    PERFORM nightjar.hint('pending');
    RETURN id;
END $$;

-- The unfinished runs that such a request would mean now, the oldest first, up to `most`; `total` counts them all.
-- Reads the whole of `live`, or the part of it that was created in the given time.
CREATE FUNCTION nightjar.bulk_preview(
    function text DEFAULT NULL, app text DEFAULT NULL, status text[] DEFAULT NULL, created_after timestamptz DEFAULT NULL,
    created_before timestamptz DEFAULT NULL, path jsonpath DEFAULT NULL, condition jsonb DEFAULT NULL, most int DEFAULT 100)
RETURNS TABLE (total bigint, run_id uuid) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    b nightjar.bulk_cancels;
    states constant smallint[] := nightjar.live_states(status);
BEGIN
    b.tenant_id := nightjar.current_tenant();
    b.function_ids := nightjar.named_functions(app, function);
    b.function := bulk_preview.function;
    b.path := bulk_preview.path;
    b.condition := bulk_preview.condition;
    RETURN QUERY
    SELECT count(*) OVER (), l.run_id FROM nightjar.live l
    -- greatest and least pass over a null, and keep infinity out of uuid7_floor.
    WHERE l.run_id >= nightjar.uuid7_floor(least(greatest(bulk_preview.created_after, '1970-01-01'), '9999-01-01'))
      AND l.run_id < nightjar.uuid7_floor(greatest(least(bulk_preview.created_before, '9999-01-01'), '1970-01-01'))
      AND nightjar.is_meant(l, b, states)
    ORDER BY l.run_id LIMIT most;
END $$;

-- Carries a request one chunk further: the one that is named, or any that is running. One row back per run that it ended,
-- with the session that was executing it; the last row has no run and tells how the request stands. No row: nothing to do.
-- Locks: the request's row, SKIP LOCKED → live ascending, SKIP LOCKED → open steps → waits; pending rows by insertion.
-- Index: live_pkey; bulk_cancels_running.
CREATE FUNCTION nightjar.bulk_advance(chunk int, bulk_id uuid DEFAULT NULL)
RETURNS TABLE (run_id uuid, session_id uuid, request uuid, state smallint, examined bigint, cancelled bigint, requested bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    b nightjar.bulk_cancels;
    states smallint[];
    seen int;
    last uuid;
    ids uuid[];
    ended int := 0;
    asked int := 0;
    cause jsonb;
BEGIN
    SELECT c.* INTO b FROM nightjar.bulk_cancels c
    WHERE c.state = 1 AND (bulk_advance.bulk_id IS NULL
                           OR c.bulk_id = bulk_advance.bulk_id AND c.tenant_id = nightjar.current_tenant())
    ORDER BY c.bulk_id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    states := nightjar.live_states(b.status);
    SELECT count(*), (array_agg(l.run_id ORDER BY l.run_id DESC))[1], array_agg(l.run_id) FILTER (WHERE nightjar.is_meant(l, b, states))
    INTO seen, last, ids
    FROM (SELECT l.* FROM nightjar.live l
          WHERE l.run_id > coalesce(b.last_run, nightjar.uuid7_floor(least(greatest(b.created_after, '1970-01-01'), '9999-01-01')))
            AND l.run_id < nightjar.uuid7_floor(greatest(least(b.created_before, '9999-01-01'), '1970-01-01'))
          ORDER BY l.run_id LIMIT chunk) l;

    IF ids IS NOT NULL THEN
        cause := jsonb_strip_nulls(jsonb_build_object('kind', 'bulk', 'bulk_id', b.bulk_id, 'reason', b.reason));
        FOR run_id, session_id IN
            SELECT c.run_id, c.session_id FROM nightjar.cancel_runs(ids, array_fill(
                cause || jsonb_build_object('actor', b.actor, 'asked_at', b.asked_at), ARRAY[cardinality(ids)]), true) c LOOP
            ended := ended + 1;
            request := b.bulk_id;
            RETURN NEXT;
        END LOOP;
        -- Locked by somebody at this moment.
        INSERT INTO nightjar.pending (tenant_id, key, seq, asked_at, actor, cause)
        SELECT l.tenant_id, l.run_id, nextval('nightjar.event_seq'), b.asked_at, b.actor, cause
        FROM unnest(ids) AS t (run_id)
        CROSS JOIN LATERAL (SELECT l.tenant_id, l.run_id FROM nightjar.live l WHERE l.run_id = t.run_id OFFSET 0) l;
        GET DIAGNOSTICS asked = ROW_COUNT;
    END IF;

    UPDATE nightjar.bulk_cancels c
    SET examined = c.examined + seen, cancelled = c.cancelled + ended, requested = c.requested + asked,
        advanced_at = clock_timestamp(),
        -- Runs whose transaction was under way while it passed by are found by another passage, if new ones count.
        hits = CASE WHEN seen < chunk THEN 0 ELSE c.hits + ended END,
        last_run = CASE WHEN seen = chunk THEN last END,
        state = CASE WHEN seen = chunk OR b.upto IS NULL AND c.hits + ended > 0 THEN 1 ELSE 3 END,
        ended_at = CASE WHEN NOT (seen = chunk OR b.upto IS NULL AND c.hits + ended > 0) THEN clock_timestamp() END
    WHERE c.bulk_id = b.bulk_id
    RETURNING c.* INTO b;
    RETURN QUERY SELECT NULL::uuid, NULL::uuid, b.bulk_id, b.state, b.examined, b.cancelled, b.requested;
END $$;

-- Interrupts a running request, or lets an interrupted one go on from where it was. Answers how it stands then
-- ('running', 'interrupted', 'done'), null if there is none.
CREATE FUNCTION nightjar.bulk_interrupt(bulk_id uuid, interrupt boolean DEFAULT true) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    now_state smallint;
BEGIN
    UPDATE nightjar.bulk_cancels c SET state = CASE WHEN interrupt THEN 2 ELSE 1 END
    WHERE c.bulk_id = bulk_interrupt.bulk_id AND c.tenant_id = nightjar.current_tenant() AND c.state <> 3;
    SELECT c.state INTO now_state FROM nightjar.bulk_cancels c
    WHERE c.bulk_id = bulk_interrupt.bulk_id AND c.tenant_id = nightjar.current_tenant();
    IF now_state = 1 THEN
        PERFORM nightjar.hint('pending');
    END IF;
    RETURN (ARRAY['running', 'interrupted', 'done'])[now_state];
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- What an event would cancel
-- ---------------------------------------------------------------------------------------------------------------------

-- The unfinished runs that an event would cancel if it were sent now, the oldest first; nothing is sent.
-- Indexes: match_paths_pkey, match_paths_wildcard, waits_key, live_pkey; for conditions runs_pkey and events_pkey.
-- LATERAL … OFFSET 0: else the whole of the match index, or of `live`, is read for it (PlanTests).
CREATE FUNCTION nightjar.preview(name text, data jsonb DEFAULT '{}', id text DEFAULT NULL, ts timestamptz DEFAULT NULL,
                                 "user" jsonb DEFAULT NULL, most int DEFAULT 1000)
RETURNS TABLE (run_id uuid, app text, function text, status text, policy_id int, policy text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
    SELECT h.run_id, a.name, f.name,
           (ARRAY['queued', 'running', 'sleeping', 'retrying', 'scheduled', 'waiting', 'invoking'])[h.state + 1],
           h.policy_id, p.text
    FROM (SELECT DISTINCT ON (w.run_id) w.run_id, w.policy_id, l.state, l.function_id
          FROM (SELECT DISTINCT k.key FROM nightjar.event_keys(nightjar.current_tenant(), preview.name, preview.data, preview."user",
                    coalesce(preview.id, ''), coalesce(preview.ts, clock_timestamp())) AS k (key)
                -- An id that was here before has no second effect.
                WHERE NOT EXISTS (SELECT FROM nightjar.idempotency i
                                  WHERE i.tenant_id = nightjar.current_tenant() AND i.scope = 0
                                    AND i.key = preview.name || E'\x1f' || preview.id
                                    AND i.at >= clock_timestamp() - interval '24 hours')) k
          CROSS JOIN LATERAL (SELECT w.run_id, w.policy_id FROM nightjar.waits w
                              WHERE w.tenant_id = nightjar.current_tenant() AND w.key = k.key AND w.purpose = 1 OFFSET 0) w
          CROSS JOIN LATERAL (SELECT l.state, l.function_id FROM nightjar.live l WHERE l.run_id = w.run_id OFFSET 0) l
          WHERE nightjar.policy_holds(w.policy_id, w.run_id, NULL, clock_timestamp(),
                    nightjar.event_json(preview.name, preview.data, preview."user", coalesce(preview.id, ''),
                                        coalesce(preview.ts, clock_timestamp())))
          ORDER BY w.run_id, w.policy_id LIMIT most) h
    JOIN nightjar.functions f ON f.function_id = h.function_id
    JOIN nightjar.apps a ON a.app_id = f.app_id
    LEFT JOIN nightjar.cancel_policies p ON p.policy_id = h.policy_id
    ORDER BY h.run_id
$$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Schedule again, run again
-- ---------------------------------------------------------------------------------------------------------------------

-- Sends an event that replaces what earlier ones with the same key have started: one statement, one transaction. Of two at
-- once, the later one in sequence order stays. It is `send`, and refuses where that would not replace anything: where no
-- function that the event starts has a policy on that same event, or the event lacks the field that the policy compares.
CREATE FUNCTION nightjar.reschedule(name text, data jsonb DEFAULT '{}', id text DEFAULT NULL, ts timestamptz DEFAULT NULL,
                                    "user" jsonb DEFAULT NULL)
RETURNS TABLE (event_id text, run_id uuid) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    stored uuid;
    public_id text;
    policies text;
    replacing int[];
BEGIN
    SELECT array_agg(p.policy_id), string_agg(DISTINCT coalesce(p.text, array_to_string(p.event_path, '.')), ', ')
    INTO replacing, policies
    FROM nightjar.function_triggers t JOIN nightjar.cancel_policies p ON p.function_id = t.function_id AND p.active
    WHERE t.tenant_id = nightjar.current_tenant()
      AND (t.event = reschedule.name OR t.prefix IS NOT NULL AND starts_with(reschedule.name, t.prefix))
      AND (p.event = reschedule.name OR right(p.event, 1) = '*' AND starts_with(reschedule.name, left(p.event, -1)));
    IF replacing IS NULL THEN
        RAISE EXCEPTION 'event "%" replaces nothing: no function that it starts is cancelled by it', name
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Give the function a policy on its own event, such as .cancelOn(PostScheduled.self, match: \.postID), and start its worker.';
    END IF;
    INSERT INTO nightjar.events (name, data, id, ts, "user")
    VALUES (reschedule.name, reschedule.data, reschedule.id, coalesce(reschedule.ts, clock_timestamp()), reschedule."user")
    RETURNING events.event_id, coalesce(events.id, events.event_id::text) INTO stored, public_id;
    IF EXISTS (SELECT FROM nightjar.runs r WHERE r.event_id = stored) AND NOT EXISTS (
           SELECT FROM (SELECT r.run_id FROM nightjar.runs r WHERE r.event_id = stored OFFSET 0) r
           CROSS JOIN LATERAL (SELECT w.policy_id FROM nightjar.waits w WHERE w.run_id = r.run_id OFFSET 0) w
           WHERE w.policy_id = ANY (replacing)) THEN
        RAISE EXCEPTION 'event "%" would replace nothing: it has no value to compare (%)', name, policies
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the event''s data the field that the policy compares.';
    END IF;
    RETURN QUERY SELECT public_id, r.run_id FROM (SELECT 1) one LEFT JOIN nightjar.runs r ON r.event_id = stored;
END $$;

-- Runs an ended run again: a new run with the event of the old one, and with its recorded steps before `from_step`, if that
-- is given. Only events sent from now on cancel it. Answers the new run.
-- Locks: none but insertions. Indexes: runs_pkey, outcomes_pkey, events_pkey, steps_pkey.
CREATE FUNCTION nightjar.rerun(run_id uuid, from_step text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    again constant uuid := nightjar.uuid7();
    seq constant bigint := nextval('nightjar.event_seq');
    old nightjar.runs;
    trigger nightjar.events;
    upto timestamptz := 'infinity';
    kept int := 0;
BEGIN
    SELECT r.* INTO old FROM nightjar.runs r WHERE r.run_id = rerun.run_id AND r.tenant_id = nightjar.current_tenant();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no run %', rerun.run_id USING ERRCODE = 'no_data_found';
    ELSIF NOT EXISTS (SELECT FROM nightjar.outcomes o WHERE o.run_id = rerun.run_id) THEN
        RAISE EXCEPTION 'run % has not ended', rerun.run_id USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Cancel it first, or wait for its end.';
    END IF;
    SELECT e.* INTO trigger FROM nightjar.events e WHERE e.event_id = old.event_id;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the event that started run % is no longer kept', rerun.run_id
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF from_step IS NOT NULL THEN
        SELECT s.started_at INTO upto FROM nightjar.steps s WHERE s.run_id = rerun.run_id AND s.step = from_step;
        IF NOT FOUND THEN
            -- One that did not end: what is recorded came before it.
            upto := 'infinity';
            IF NOT EXISTS (SELECT FROM nightjar.attempts t WHERE t.run_id = rerun.run_id AND t.step = from_step)
               AND NOT EXISTS (SELECT FROM nightjar.interruptions i WHERE i.run_id = rerun.run_id AND from_step = ANY (i.steps))
               AND NOT EXISTS (SELECT FROM nightjar.outcomes o WHERE o.run_id = rerun.run_id AND o.cause -> 'open' ? from_step) THEN
                RAISE EXCEPTION 'run % has no step "%"', rerun.run_id, from_step USING ERRCODE = 'undefined_object',
                    HINT = 'It has recorded: ' || coalesce((SELECT string_agg(s.step, ', ' ORDER BY s.recorded_at, s.ended_at)
                                                            FROM nightjar.steps s WHERE s.run_id = rerun.run_id), 'nothing') || '.';
            END IF;
        END IF;
        INSERT INTO nightjar.steps (run_id, step, name, tenant_id, kind, failed, attempt, output, error, due_at, started_at, ended_at, recorded_at)
        SELECT again, s.step, s.name, s.tenant_id, s.kind, s.failed, s.attempt, s.output, s.error, s.due_at, s.started_at, s.ended_at, s.recorded_at
        FROM nightjar.steps s
        WHERE s.run_id = rerun.run_id AND s.step <> from_step AND greatest(s.ended_at, s.due_at) <= upto;
        GET DIAGNOSTICS kept = ROW_COUNT;
    END IF;
    INSERT INTO nightjar.runs (run_id, tenant_id, function_id, event_id, event_seq, created_at, rerun_of)
    VALUES (again, old.tenant_id, old.function_id, old.event_id, seq, clock_timestamp(), rerun.run_id);
    INSERT INTO nightjar.live (run_id, event_id, pass, queue, tenant_id, function_id, expires_at, mail, origin)
    SELECT again, old.event_id, seq, f.queue, old.tenant_id, old.function_id, clock_timestamp() + f.start_within,
           -- There is something to be read before it begins.
           CASE WHEN kept > 0 THEN 1 ELSE 0 END,
           CASE WHEN starts_with(trigger.name, 'inngest/function.') AND trigger.name <> 'inngest/function.invoked' THEN 2 ELSE 0 END
    FROM nightjar.functions f WHERE f.function_id = old.function_id;
    INSERT INTO nightjar.waits (tenant_id, policy_id, key, run_id, since)
    SELECT old.tenant_id, k.policy_id, k.key, again, seq
    FROM nightjar.cancel_keys(old.function_id, trigger.name, trigger.data, trigger."user",
                              trigger.id, trigger.event_id, trigger.ts) k;
    PERFORM nightjar.hint('ready');
    RETURN again;
END $$;

REVOKE EXECUTE ON FUNCTION
    nightjar.named_functions(text, text), nightjar.live_states(text[]),
    nightjar.is_meant(nightjar.live, nightjar.bulk_cancels, smallint[]),
    nightjar.bulk_cancel(text, text, text[], timestamptz, timestamptz, jsonpath, text, jsonb, boolean, text, text),
    nightjar.bulk_preview(text, text, text[], timestamptz, timestamptz, jsonpath, jsonb, int),
    nightjar.bulk_advance(int, uuid), nightjar.bulk_interrupt(uuid, boolean),
    nightjar.preview(text, jsonb, text, timestamptz, jsonb, int),
    nightjar.reschedule(text, jsonb, text, timestamptz, jsonb), nightjar.rerun(uuid, text) FROM PUBLIC;

INSERT INTO nightjar.migrations (version, name) VALUES (12, 'by_hand');
