-- Nightjar 0015: functions whose runs do not simply start with each event: batches, debounce, rate limits, throttling,
-- idempotency by a key, and singletons.
--
-- Such a function's triggers are `gated`: nightjar.ingest leaves them to nightjar.admit, inside the same transaction.
-- Batches and debounced events are gathered as rows, and started by whichever worker finds that their time has come.
-- Runs that another run invokes are not gated: somebody waits for them.
SET LOCAL client_min_messages = warning;

-- {"batch": {"max", "timeout_ms", "key", "if"}, "debounce": {"period_ms", "timeout_ms", "key"},
--  "rate_limit": {"limit", "period_ms", "key"}, "throttle": {"limit", "period_ms", "burst", "key"},
--  "idempotency": {"key"}, "singleton": {"mode": "skip" or "cancel", "key"}}
-- Keys and conditions are expressions over the event as nightjar.evaluate takes them; a key may be missing: one for all.
ALTER TABLE nightjar.functions ADD COLUMN flow jsonb;

CREATE INDEX function_triggers_gated ON nightjar.function_triggers (tenant_id) WHERE gated;

-- Events that wait to start a run together, or to be replaced by a later one.
CREATE TABLE nightjar.gathered (
    tenant_id   int NOT NULL,
    function_id int NOT NULL,
    key         text NOT NULL,
    seq         bigint NOT NULL,
    event_id    uuid NOT NULL,
    ts          timestamptz NOT NULL,
    size        int NOT NULL,
    at          timestamptz NOT NULL,
    PRIMARY KEY (function_id, key, seq)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);

-- The events of a run that has more than one, in order.
CREATE TABLE nightjar.run_events (
    run_id   uuid NOT NULL,
    position int NOT NULL,
    event_id uuid NOT NULL,
    PRIMARY KEY (run_id, position)
);
CREATE INDEX run_events_event ON nightjar.run_events (event_id);

-- How often a key has started runs within its period; a throttle's `at` is when the next start would be on time.
CREATE TABLE nightjar.flow_counters (
    function_id int NOT NULL,
    kind        text NOT NULL,              -- rate_limit, throttle
    key         text NOT NULL,
    at          timestamptz NOT NULL,
    count       int NOT NULL,
    PRIMARY KEY (function_id, kind, key)
) WITH (fillfactor = 70, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX flow_counters_at ON nightjar.flow_counters (at);

-- The run that holds a singleton's key, as long as it lives.
CREATE TABLE nightjar.singletons (
    function_id int NOT NULL,
    key         text NOT NULL,
    run_id      uuid NOT NULL,
    PRIMARY KEY (function_id, key)
) WITH (fillfactor = 70, autovacuum_vacuum_cost_delay = 0);

-- The value of a key for an event, as text; null when it is missing.
CREATE FUNCTION nightjar.flow_key(expression jsonb, event jsonb) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN coalesce(expression, 'null') = 'null' THEN '' ELSE nightjar.evaluate(expression, event, NULL)::text END
$$;

-- Starts a run of a function for an event that is there, as nightjar.ingest does for one that comes.
-- Locks: live, runs, waits by insertion; pending rows by insertion, in key order. Indexes: events_pkey, functions_pkey,
-- cancel_policies_active, match_log_key.
CREATE FUNCTION nightjar.start_run(function_id int, event_id uuid, due timestamptz, batch uuid[] DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    run constant uuid := nightjar.uuid7();
    arrived constant timestamptz := clock_timestamp();
    f nightjar.functions;
    e nightjar.events;
BEGIN
    SELECT g.* INTO STRICT f FROM nightjar.functions g WHERE g.function_id = start_run.function_id;
    SELECT v.* INTO e FROM nightjar.events v WHERE v.event_id = start_run.event_id LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;        -- it waited for longer than events are kept
    END IF;
    INSERT INTO nightjar.runs (run_id, tenant_id, function_id, event_id, event_seq, created_at)
    VALUES (run, e.tenant_id, f.function_id, e.event_id, e.seq, arrived);
    INSERT INTO nightjar.live (run_id, event_id, pass, due_at, queue, tenant_id, function_id, state, expires_at, newcomer, origin, batched)
    VALUES (run, e.event_id, e.seq, CASE WHEN due > arrived THEN due END, f.queue, e.tenant_id, f.function_id,
            CASE WHEN due > arrived THEN 4 ELSE 0 END, greatest(due, arrived) + f.start_within, due > arrived OR f.has_conditions,
            CASE WHEN starts_with(e.name, 'inngest/function.') THEN 2 ELSE 0 END, coalesce(cardinality(batch) > 1, false));
    IF cardinality(batch) > 1 THEN
        INSERT INTO nightjar.run_events (run_id, position, event_id)
        SELECT run, b.position, b.event_id FROM unnest(batch) WITH ORDINALITY AS b (event_id, position);
    END IF;
    INSERT INTO nightjar.waits (tenant_id, policy_id, key, run_id, since)
    SELECT e.tenant_id, k.policy_id, k.key, run, e.seq
    FROM nightjar.cancel_keys(f.function_id, e.name, e.data, e."user", e.id, e.event_id, e.ts) k;
    IF FOUND AND (due > arrived OR f.has_conditions) THEN
        INSERT INTO nightjar.newcomers (run_id, seq) VALUES (run, e.seq);
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

-- Which locks a statement's events have to take, in this order, before nightjar.admit: one for each of 64 shares of the keys
-- of a function, so that their number is bounded. Indexes: events_pkey, function_triggers_gated, functions_pkey.
CREATE FUNCTION nightjar.gate_locks(event_ids uuid[]) RETURNS SETOF bigint LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
    SELECT DISTINCT (hashtextextended(k.kind, f.function_id) & ~63::bigint) | (hashtextextended(k.key, 0) & 63)
    FROM unnest(event_ids) AS i (event_id)
    CROSS JOIN LATERAL (SELECT v.tenant_id, v.name, v.id, nightjar.event_json(v.event_id, true) AS body
                        FROM nightjar.events v WHERE v.event_id = i.event_id LIMIT 1) e
    CROSS JOIN LATERAL (SELECT t.function_id FROM nightjar.function_triggers t
                        WHERE t.tenant_id = e.tenant_id AND t.gated
                          AND (t.event = e.name OR t.prefix IS NOT NULL AND starts_with(e.name, t.prefix)) OFFSET 0) t
    CROSS JOIN LATERAL (SELECT f.function_id, f.flow FROM nightjar.functions f WHERE f.function_id = t.function_id OFFSET 0) f
    CROSS JOIN LATERAL (
        SELECT 'id' AS kind, e.id AS key
        UNION ALL
        SELECT o.kind, nightjar.flow_key(f.flow #> ARRAY[o.kind, 'key'], e.body)
        FROM unnest(ARRAY['idempotency', 'rate_limit', 'throttle', 'singleton']) AS o (kind) WHERE f.flow ? o.kind) k
    WHERE k.key IS NOT NULL
$$;

-- What an event does to the gated functions that it triggers, one after the other. Answers whether it started a run and
-- whether it is gathered.
-- Locks: idempotency, flow_counters and singletons, under the locks of gate_locks: two events at once with one key take
-- turns, until the first commits. Indexes: events_pkey, function_triggers_gated, functions_pkey and those of start_run.
CREATE FUNCTION nightjar.admit(event_id uuid, OUT started boolean, OUT gathered boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    arrived constant timestamptz := clock_timestamp();
    day constant interval := '24 hours';
    e nightjar.events;
    body jsonb;
    m record;
    key_text text;
    start_at timestamptz;
    run uuid;
    holder uuid;
    cost interval;
BEGIN
    started := false;
    gathered := false;
    SELECT v.* INTO STRICT e FROM nightjar.events v WHERE v.event_id = admit.event_id LIMIT 1;
    body := nightjar.event_json(e.event_id, true);
    <<functions>>
    FOR m IN SELECT DISTINCT f.function_id, f.flow FROM nightjar.function_triggers t
             JOIN nightjar.functions f ON f.function_id = t.function_id
             WHERE t.tenant_id = e.tenant_id AND t.gated
               AND (t.event = e.name OR t.prefix IS NOT NULL AND starts_with(e.name, t.prefix))
               AND (NOT starts_with(e.name, 'inngest/function.') OR e.data #> '{_nightjar,quiet}' IS DISTINCT FROM 'true')
               AND (t.condition IS NULL OR nightjar.evaluate(t.condition, body, NULL) = 'true')
             ORDER BY f.function_id LOOP
        IF e.id IS NOT NULL THEN
            INSERT INTO nightjar.idempotency AS i (tenant_id, scope, key, event_id, at)
            VALUES (e.tenant_id, m.function_id, e.id, e.event_id, arrived)
            ON CONFLICT (tenant_id, scope, key) DO UPDATE SET event_id = excluded.event_id, at = excluded.at
                WHERE i.at < excluded.at - day;
            CONTINUE functions WHEN NOT FOUND;
        END IF;
        IF m.flow ? 'idempotency' THEN
            key_text := nightjar.flow_key(m.flow #> '{idempotency,key}', body);
            IF key_text IS NOT NULL THEN
                -- A separator that no id of a sender begins with.
                INSERT INTO nightjar.idempotency AS i (tenant_id, scope, key, event_id, at)
                VALUES (e.tenant_id, m.function_id, E'\x1f' || md5(key_text), e.event_id, arrived)
                ON CONFLICT (tenant_id, scope, key) DO UPDATE SET event_id = excluded.event_id, at = excluded.at
                    WHERE i.at < excluded.at - day;
                CONTINUE functions WHEN NOT FOUND;
            END IF;
        END IF;
        IF m.flow ? 'rate_limit' THEN
            key_text := nightjar.flow_key(m.flow #> '{rate_limit,key}', body);
            cost := (m.flow #>> '{rate_limit,period_ms}')::float8 * interval '1 ms';
            IF key_text <> 'false' THEN
                INSERT INTO nightjar.flow_counters AS c (function_id, kind, key, at, count)
                VALUES (m.function_id, 'rate_limit', key_text, arrived, 1)
                ON CONFLICT (function_id, kind, key) DO UPDATE
                    SET at = CASE WHEN c.at <= arrived - cost THEN arrived ELSE c.at END,
                        count = CASE WHEN c.at <= arrived - cost THEN 1 ELSE c.count + 1 END
                    WHERE c.at <= arrived - cost OR c.count < (m.flow #>> '{rate_limit,limit}')::int;
                CONTINUE functions WHEN NOT FOUND;
            END IF;
        END IF;
        IF m.flow ? 'debounce'
           OR m.flow ? 'batch' AND (coalesce(m.flow #> '{batch,if}', 'null') = 'null'
                                    OR nightjar.evaluate(m.flow #> '{batch,if}', body, NULL) = 'true') THEN
            INSERT INTO nightjar.gathered (tenant_id, function_id, key, seq, event_id, ts, size, at)
            VALUES (e.tenant_id, m.function_id,
                    coalesce(nightjar.flow_key(coalesce(m.flow #> '{debounce,key}', m.flow #> '{batch,key}'), body), ''),
                    e.seq, e.event_id, e.ts, octet_length(e.data::text), arrived);
            gathered := true;
            CONTINUE functions;
        END IF;
        start_at := e.ts;
        IF m.flow ? 'throttle' THEN
            -- Generic cell rate algorithm: `at` is the theoretical arrival time (ITU-T I.371).
            key_text := coalesce(nightjar.flow_key(m.flow #> '{throttle,key}', body), '');
            cost := (m.flow #>> '{throttle,period_ms}')::float8 / greatest((m.flow #>> '{throttle,limit}')::int, 1) * interval '1 ms';
            INSERT INTO nightjar.flow_counters AS c (function_id, kind, key, at, count)
            VALUES (m.function_id, 'throttle', key_text, arrived + cost, 1)
            ON CONFLICT (function_id, kind, key) DO UPDATE SET at = greatest(c.at, arrived) + cost, count = c.count + 1
            RETURNING c.at - cost - cost * (greatest((m.flow #>> '{throttle,limit}')::int, 1)
                                            + coalesce((m.flow #>> '{throttle,burst}')::int, 0) - 1) INTO start_at;
            start_at := greatest(start_at, e.ts);
        END IF;
        run := nightjar.start_run(m.function_id, e.event_id, start_at);
        started := true;
        IF m.flow ? 'singleton' THEN
            key_text := nightjar.flow_key(m.flow #> '{singleton,key}', body);
            IF key_text <> 'false' THEN
                INSERT INTO nightjar.singletons (function_id, key, run_id) VALUES (m.function_id, key_text, run)
                ON CONFLICT (function_id, key) DO NOTHING;
                IF NOT FOUND THEN
                    SELECT s.run_id INTO holder FROM nightjar.singletons s
                    WHERE s.function_id = m.function_id AND s.key = key_text FOR UPDATE;
                    IF NOT EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = holder) THEN
                        holder := NULL;
                    ELSIF m.flow #>> '{singleton,mode}' = 'cancel' THEN
                        INSERT INTO nightjar.pending (tenant_id, key, seq, asked_at, cause)
                        VALUES (e.tenant_id, holder, nextval('nightjar.event_seq'), arrived,
                                jsonb_build_object('kind', 'singleton', 'event_id', e.event_id, 'event_name', e.name, 'by', run));
                        PERFORM pg_notify('nightjar', 'pending');
                        holder := NULL;
                    END IF;
                    IF holder IS NULL THEN
                        UPDATE nightjar.singletons s SET run_id = run WHERE s.function_id = m.function_id AND s.key = key_text;
                    ELSE
                        PERFORM FROM nightjar.cancel_runs(ARRAY[run], ARRAY[jsonb_build_object(
                            'kind', 'skipped', 'reason', 'singleton', 'holder', holder, 'asked_at', arrived)], false);
                    END IF;
                END IF;
            END IF;
        END IF;
    END LOOP;
END $$;

-- Starts the runs whose events are gathered and whose time has come, up to `most` of them. Answers how many, and how long
-- it is until the next is due (null: nothing is gathered).
-- Locks: advisory (transaction): one at a time, so that no batch is torn apart; gathered rows; those of start_run.
-- Indexes: gathered_pkey, functions_pkey.
CREATE FUNCTION nightjar.gather(most int, OUT started int, OUT next_in interval)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    now_is timestamptz;
    g record;
    spec jsonb;
    due timestamptz;
    events uuid[];
    is_full boolean;
    chosen record;
BEGIN
    started := 0;
    IF NOT pg_try_advisory_xact_lock(hashtext('nightjar.gather')) THEN
        next_in := '20 ms';     -- whoever is at it may not see yet what we are asked for
        RETURN;
    END IF;
    now_is := clock_timestamp();
    FOR g IN SELECT s.function_id, s.key, f.flow FROM (SELECT DISTINCT s.function_id, s.key FROM nightjar.gathered s) s
             JOIN nightjar.functions f ON f.function_id = s.function_id LOOP
        IF g.flow ? 'debounce' THEN
            spec := g.flow -> 'debounce';
            -- The event that happened last; one that happened earlier does not put it off.
            SELECT s.event_id, s.at, min(s.at) OVER () AS first, array_agg(s.seq) OVER () AS seen INTO chosen
            FROM nightjar.gathered s
            WHERE s.function_id = g.function_id AND s.key = g.key ORDER BY s.ts DESC, s.seq DESC LIMIT 1;
            due := least(chosen.at + (spec ->> 'period_ms')::float8 * interval '1 ms',
                         chosen.first + (spec ->> 'timeout_ms')::float8 * interval '1 ms');
            IF due <= now_is AND started < most THEN
                -- What has come since is for the next run.
                DELETE FROM nightjar.gathered s
                WHERE s.function_id = g.function_id AND s.key = g.key AND s.seq = ANY (chosen.seen);
                PERFORM nightjar.start_run(g.function_id, chosen.event_id, now_is);
                started := started + 1;
            ELSE
                next_in := least(next_in, greatest(due - now_is, interval '0'));
            END IF;
        ELSE
            spec := coalesce(g.flow -> 'batch', '{"max": 1, "timeout_ms": 0}');
            LOOP
                -- Up to 10 MiB of events: what a call of an app can carry.
                SELECT array_agg(b.event_id ORDER BY b.seq) FILTER (WHERE b.before < 10485760),
                       min(b.at) FILTER (WHERE b.before < 10485760) + (spec ->> 'timeout_ms')::float8 * interval '1 ms',
                       count(*) = (spec ->> 'max')::int OR bool_or(b.before >= 10485760)
                INTO events, due, is_full
                FROM (SELECT s.event_id, s.seq, s.at, sum(s.size) OVER (ORDER BY s.seq) - s.size AS before
                      FROM (SELECT * FROM nightjar.gathered s WHERE s.function_id = g.function_id AND s.key = g.key
                            ORDER BY s.seq LIMIT (spec ->> 'max')::int) s) b;
                EXIT WHEN events IS NULL;
                -- Asked in one question: what comes between two would look like the rest of a full batch.
                IF started >= most OR due > now_is AND NOT is_full THEN
                    next_in := least(next_in, greatest(due - now_is, interval '0'));
                    EXIT;
                END IF;
                DELETE FROM nightjar.gathered s
                WHERE s.function_id = g.function_id AND s.key = g.key AND s.event_id = ANY (events);
                PERFORM nightjar.start_run(g.function_id, events[1], now_is, events);
                started := started + 1;
            END LOOP;
        END IF;
    END LOOP;
    IF started > 0 THEN
        PERFORM nightjar.hint('ready');
    END IF;
END $$;

-- When functions are to start by the clock. `last_at` is the last tick that was seen to.
CREATE TABLE nightjar.crons (
    function_id int NOT NULL,
    cron        text NOT NULL,              -- five fields or a descriptor, with TZ= before it
    jitter_ms   bigint NOT NULL DEFAULT 0,
    last_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (function_id, cron)
);

-- Starts the run of a tick, once however many ask; false if somebody was first, or the function has no such trigger any
-- more. Two triggers of a function that coincide are one tick.
-- Locks: the trigger's row; those of an event's insertion (0011) and of start_run. Indexes: crons_pkey.
CREATE FUNCTION nightjar.tick(function_id int, cron text, at timestamptz, fire_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
#variable_conflict use_variable
DECLARE
    event uuid;
BEGIN
    UPDATE nightjar.crons c SET last_at = at WHERE c.function_id = tick.function_id AND c.cron = tick.cron AND c.last_at < at;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    IF EXISTS (SELECT FROM nightjar.crons c WHERE c.function_id = tick.function_id AND c.cron <> tick.cron AND c.last_at = at) THEN
        RETURN false;
    END IF;
    PERFORM set_config('nightjar.signal', 'tick', true);
    INSERT INTO nightjar.events (tenant_id, name, id, data, ts)
    SELECT f.tenant_id, 'inngest/scheduled.timer', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
           jsonb_build_object('cron', cron, 'scheduledAt', to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
                              'fireAt', to_char(fire_at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')), fire_at
    FROM nightjar.functions f WHERE f.function_id = tick.function_id
    RETURNING event_id INTO event;
    PERFORM set_config('nightjar.signal', '', true);
    PERFORM nightjar.start_run(function_id, event, fire_at);
    PERFORM nightjar.hint('ready');
    RETURN true;
END $$;

-- All events of a run, in order.
CREATE FUNCTION nightjar.events_of_run(run_id uuid) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
    SELECT b.event_id FROM (
        SELECT e.position, e.event_id FROM nightjar.run_events e WHERE e.run_id = events_of_run.run_id
        UNION ALL
        SELECT 0, r.event_id FROM nightjar.runs r
        WHERE r.run_id = events_of_run.run_id
          AND NOT EXISTS (SELECT FROM nightjar.run_events e WHERE e.run_id = events_of_run.run_id)) b
    ORDER BY b.position
$$;

REVOKE EXECUTE ON FUNCTION nightjar.start_run(int, uuid, timestamptz, uuid[]), nightjar.admit(uuid), nightjar.gate_locks(uuid[]), nightjar.gather(int),
    nightjar.tick(int, text, timestamptz, timestamptz) FROM PUBLIC;

INSERT INTO nightjar.migrations (version, name) VALUES (15, 'flow_control');
