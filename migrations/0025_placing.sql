-- Nightjar 0025: in which order runs begin: fair shares between the tenants of a queue, weights, and priorities.
--
-- Where several tenants, or runs of several priorities, share a queue, `pass` is no longer the event's sequence number but the
-- run's start tag (start-time fair queueing: Goyal, Vin, Cheng, SIGCOMM 1996): the later of V, where the queue's claims have come
-- to, and of F, where the runs end that its tenant has there already. A tenant with 300,000 runs fills the order from V on to V +
-- 300,000; one that comes after it begins at V. Claims are as they were: in the order of `pass`.
--
-- V and F are sequences: they are changed without waiting for anybody, and whoever reads them reads what is, not what a
-- snapshot shows. A queue has 251 + 61 of them for F. A tenant counts in one of each kind, and the lower of the two is its F: one
-- with much to do delays another only if they share both, one pair of tenants in 15,311. Measured and rejected: a row for each
-- tenant, in which its senders would wait for each other's commits; a sequence for each tenant, since a dump locks each of them.
SET LOCAL client_min_messages = warning;

LOCK TABLE nightjar.events, nightjar.runs, nightjar.live IN ACCESS EXCLUSIVE MODE;

-- Its share beside others': with 3, three runs begin for one of a tenant with 1, as long as both have some.
-- nightjar.set_tenant changes it: see 0026.
ALTER TABLE nightjar.tenants ADD COLUMN weight float4 NOT NULL DEFAULT 1 CHECK (weight BETWEEN 0.01 AND 100);

ALTER TABLE nightjar.functions
    ADD COLUMN priority jsonb,                      -- an expression over the event as nightjar.evaluate takes it
    ADD COLUMN fair boolean NOT NULL DEFAULT false; -- its runs' `pass` is a start tag

COMMENT ON COLUMN nightjar.functions.queue IS
    'which workers may claim its runs: those of its app; negative: none, its tenant is suspended; 2^29 more: nightjar.place decides for each run';
COMMENT ON COLUMN nightjar.live.pass IS 'claim order: the trigger''s sequence number or, in a fair queue, a start tag (0025)';

-- Makes a queue fair: its runs get start tags from now on, which are higher than what `pass` has been. It stays fair.
-- Locks: none that anybody waits for. 0.2 s, once.
CREATE FUNCTION nightjar.share_queue(queue int) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    here constant bigint := nextval('nightjar.event_seq');
BEGIN
    IF to_regclass(format('nightjar.queue_%s', queue)) IS NOT NULL THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE SEQUENCE nightjar.queue_%s', queue);
    PERFORM setval(format('nightjar.queue_%s', queue)::regclass, here);
    FOR lane IN 0 .. 311 LOOP
        EXECUTE format('CREATE SEQUENCE nightjar.queue_%s_%s', queue, lane);
    END LOOP;
END $$;

-- The start tag of a run in one of the lanes that its tenant counts in; the lane goes on by `step`.
CREATE FUNCTION nightjar.take_lane(lane regclass, v bigint, step int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    tag bigint := pg_sequence_last_value(lane);
BEGIN
    IF tag IS NULL OR tag < v THEN
        -- It has had nothing to do. Two at once may both begin here.
        PERFORM setval(lane, v + step);
        RETURN v;
    END IF;
    FOR i IN 1 .. step LOOP
        tag := nextval(lane) - i;
    END LOOP;
    RETURN tag;
END $$;

-- The start tag of a tenant's next run in a fair queue. `level`: above 0, it comes before those of the tenant's that have none; below
-- 0, it waits twice as long as they.
--
-- A weight of 3 advances F by one for every third run, by lot: there is no place where a third could be kept. Runs of a higher
-- priority have lanes of their own, and count in the others as well, so that the tenant's share stays what it is.
-- Index: tenants_pkey.
CREATE FUNCTION nightjar.next_pass(queue int, tenant int, level int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    v constant bigint := pg_sequence_last_value(format('nightjar.queue_%s', queue)::regclass);
    step int;
    pass bigint;
    urgent bigint;
BEGIN
    SELECT floor(1 / t.weight + random()) INTO step FROM nightjar.tenants t WHERE t.tenant_id = next_pass.tenant;
    step := coalesce(step, 1);
    pass := least(nightjar.take_lane(format('nightjar.queue_%s_%s', queue, tenant::bigint * 2 % 251)::regclass, v, step),
                  nightjar.take_lane(format('nightjar.queue_%s_%s', queue, 251 + abs(hashint8(tenant::bigint * 2) % 61))::regclass, v, step));
    IF level > 0 THEN
        urgent := tenant::bigint * 2 + 1;
        RETURN least(nightjar.take_lane(format('nightjar.queue_%s_%s', queue, urgent % 251)::regclass, v, step),
                     nightjar.take_lane(format('nightjar.queue_%s_%s', queue, 251 + abs(hashint8(urgent) % 61))::regclass, v, step));
    END IF;
    RETURN CASE WHEN level < 0 THEN v + 2 * (pass - v) ELSE pass END;
END $$;

-- Where the claims of a fair queue have come to: the highest `pass` of the new runs of a claim. Workers say so, ten times a
-- second at most. Two that say it at once may leave the lower one: the next says it again. Answers whether the queue is fair.
CREATE FUNCTION nightjar.publish_pass(queue int, pass bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    v constant regclass := to_regclass(format('nightjar.queue_%s', queue));
BEGIN
    IF v IS NOT NULL AND pass > pg_sequence_last_value(v) THEN
        PERFORM setval(v, pass);
    END IF;
    RETURN v IS NOT NULL;
END $$;

-- The level of a run: the sign of what its function's priority is for the event. An expression that has no value, or none that is
-- a number, is none. ["?", condition, one, other] is a choice.
CREATE FUNCTION nightjar.priority_level(expression jsonb, event jsonb) RETURNS int
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    value jsonb;
BEGIN
    IF expression ->> 0 = '?' THEN
        RETURN nightjar.priority_level(CASE WHEN nightjar.evaluate(expression -> 1, event, NULL) = 'true' THEN expression -> 2
                                            ELSE expression -> 3 END, event);
    END IF;
    value := nightjar.evaluate(expression, event, NULL);
    RETURN CASE jsonb_typeof(value) WHEN 'number' THEN sign((value #>> '{}')::numeric)::int
                                    WHEN 'boolean' THEN CASE WHEN value = 'true' THEN 1 ELSE 0 END
                                    ELSE 0 END;
END $$;

-- Decides where a run begins: in which queue, and when it is its turn. For functions whose `queue` says so.
-- Only functions of ours insert into `live`: they have set search_path, which would cost a microsecond here, and in each function
-- that this one calls, for each run.
-- Indexes: functions_pkey, tenants_pkey, events_pkey.
CREATE FUNCTION nightjar.place() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    f record;
    level int := 0;
BEGIN
    SELECT g.app_id, g.fair, g.priority INTO STRICT f FROM nightjar.functions g WHERE g.function_id = NEW.function_id;
    IF f.priority IS NOT NULL THEN
        level := nightjar.priority_level(f.priority, nightjar.event_json(NEW.event_id, true));
    END IF;
    IF f.fair THEN
        -- One that is scheduled takes no place: it is claimed by its time. What is scheduled may be much, and be cancelled again.
        NEW.pass := CASE WHEN NEW.state = 0 THEN nightjar.next_pass(f.app_id, NEW.tenant_id, level)
                         ELSE pg_sequence_last_value(format('nightjar.queue_%s', f.app_id)::regclass) END;
    END IF;
    NEW.queue := sign(NEW.queue) * f.app_id;
    RETURN NEW;
END $$;
CREATE TRIGGER place BEFORE INSERT ON nightjar.live
    FOR EACH ROW WHEN (abs(NEW.queue) >= 536870912) EXECUTE FUNCTION nightjar.place();

-- Whether an app's queue is to be fair, once it is: always.
CREATE FUNCTION nightjar.needs_shares(app_id int) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN to_regclass(format('nightjar.queue_%s', needs_shares.app_id)) IS NOT NULL
        OR EXISTS (SELECT FROM nightjar.functions f WHERE f.app_id = needs_shares.app_id AND f.priority IS NOT NULL);
END $$;

-- Whether nightjar.place has something to decide for a function's runs.
CREATE FUNCTION nightjar.is_placed(f nightjar.functions) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN f.fair;
END $$;

-- Brings what an app's functions say of their queues in line with what they ask for.
-- Locks: rows of functions that change.
CREATE FUNCTION nightjar.settle_queues(app_id int) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF nightjar.needs_shares(app_id) THEN
        PERFORM nightjar.share_queue(app_id);
        UPDATE nightjar.functions f SET fair = true WHERE f.app_id = settle_queues.app_id AND NOT f.fair;
    END IF;
    UPDATE nightjar.functions f
    SET queue = sign(f.queue) * (f.app_id + CASE WHEN nightjar.is_placed(f) THEN 536870912 ELSE 0 END)
    WHERE f.app_id = settle_queues.app_id
      AND f.queue <> sign(f.queue) * (f.app_id + CASE WHEN nightjar.is_placed(f) THEN 536870912 ELSE 0 END);
END $$;

-- As in 0022, and: the priority; the queues are settled; of a tenant with a limit the tenant's row comes first.
-- Locks: advisory (transaction, per tenant); then the tenant's row; then rows of the small identity tables, if something changed.
CREATE OR REPLACE FUNCTION nightjar.register(app text, functions jsonb, kind smallint DEFAULT 1)
RETURNS TABLE (name text, function_id int, queue int)
-- UTC: a policy's digest contains its date as text.
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
#variable_conflict use_column
DECLARE
    tenant constant int := nightjar.current_tenant();
    the_app int;
    entry jsonb;
    the_function int;
BEGIN
    -- Of the tenant, not of the app: match_paths are the tenant's.
    PERFORM pg_advisory_xact_lock(hashtext('nightjar.register'), tenant);
    -- As a suspension does: taken with the first new function, when others' rows are held already (nightjar.identity_added), each
    -- could wait for the other.
    PERFORM FROM nightjar.tenants t WHERE t.tenant_id = tenant AND t.guarded FOR SHARE;
    IF EXISTS (SELECT FROM nightjar.tenants t WHERE t.tenant_id = tenant AND t.state >= 3) THEN
        RAISE EXCEPTION 'the tenant is deleted: it takes no functions' USING ERRCODE = 'NJ002';
    END IF;
    SELECT a.app_id INTO the_app FROM nightjar.apps a WHERE a.tenant_id = tenant AND a.name = register.app;
    IF the_app IS NULL THEN
        INSERT INTO nightjar.apps (tenant_id, name, kind) VALUES (tenant, register.app, register.kind)
        RETURNING app_id INTO the_app;
    END IF;

    FOR entry IN SELECT value FROM jsonb_array_elements(functions) LOOP
        INSERT INTO nightjar.functions AS f (tenant_id, app_id, queue, name, options)
        SELECT tenant, the_app, the_app, entry ->> 'name', '{}'
        WHERE NOT EXISTS (SELECT FROM nightjar.functions f WHERE f.app_id = the_app AND f.name = entry ->> 'name');
        UPDATE nightjar.functions f
        SET options = entry -> 'options', priority = nullif(entry -> 'priority', 'null'), changed_at = now(),
            start_within = (entry #>> '{options,start_timeout_ms}')::float8 * interval '1 ms',
            finish_within = (entry #>> '{options,finish_timeout_ms}')::float8 * interval '1 ms'
        WHERE f.app_id = the_app AND f.name = entry ->> 'name' 
          AND (f.options, f.priority) IS DISTINCT FROM (entry -> 'options', nullif(entry -> 'priority', 'null'));
    END LOOP;

    -- A second round: a source may name a function that stands further down.
    FOR entry IN SELECT value FROM jsonb_array_elements(functions) LOOP
        SELECT f.function_id INTO the_function FROM nightjar.functions f
        WHERE f.app_id = the_app AND f.name = entry ->> 'name';

        WITH wanted AS (
            SELECT DISTINCT ON (t.event) t.event, s.function_id AS source, t.text, nullif(t.condition, 'null') AS condition
            FROM jsonb_to_recordset(entry -> 'triggers') AS t (event text, source text, text text, condition jsonb)
            LEFT JOIN nightjar.functions s ON s.app_id = the_app AND s.name = t.source
        ), gone AS (
            DELETE FROM nightjar.function_triggers t
            WHERE t.function_id = the_function AND NOT EXISTS (SELECT FROM wanted w WHERE w.event = t.event)
        )
        INSERT INTO nightjar.function_triggers AS t (tenant_id, function_id, event, source, text, condition)
        SELECT tenant, the_function, w.event, w.source, w.text, w.condition FROM wanted w
        ON CONFLICT (tenant_id, event, function_id) DO UPDATE
            SET source = excluded.source, text = excluded.text, condition = excluded.condition
            WHERE (t.source, t.text, t.condition) IS DISTINCT FROM (excluded.source, excluded.text, excluded.condition);

        IF EXISTS (SELECT FROM jsonb_array_elements(entry -> 'cancel') c WHERE jsonb_typeof(c.value -> 'branches') IS DISTINCT FROM 'array') THEN
            RAISE EXCEPTION 'function "%": a cancellation policy has no branches', entry ->> 'name'
                USING ERRCODE = 'invalid_parameter_value', HINT = 'It comes from a build that is older than this schema.';
        END IF;

        WITH wanted AS MATERIALIZED (
            SELECT DISTINCT ON (d.digest) c.event, c.text, b.trigger_path, b.event_path,
                   nullif(b.guard, 'null') AS guard, nullif(b.condition, 'null') AS condition,
                   c.timeout_ms * interval '1 ms' AS timeout, c.until,
                   (SELECT string_agg(w.value, '; ') FROM jsonb_array_elements_text(c.warnings) w) AS warning, d.digest
            FROM jsonb_to_recordset(entry -> 'cancel')
                     AS c (event text, text text, timeout_ms float8, until timestamptz, warnings jsonb, branches jsonb)
            CROSS JOIN LATERAL jsonb_to_recordset(c.branches)
                     AS b (trigger_path text[], event_path text[], guard jsonb, condition jsonb)
            CROSS JOIN LATERAL (SELECT md5(jsonb_build_array(c.event, c.text, c.timeout_ms, c.until, b.trigger_path,
                                    b.event_path, nullif(b.guard, 'null'), nullif(b.condition, 'null'))::text) AS digest) d
        ), paths AS (
            -- The place is hashed before any run can wait for it: both become visible with this commit.
            INSERT INTO nightjar.match_paths (tenant_id, event, path)
            SELECT DISTINCT tenant, w.event, w.event_path FROM wanted w
            ON CONFLICT DO NOTHING
        ), gone AS (
            UPDATE nightjar.cancel_policies p SET active = false
            WHERE p.function_id = the_function AND p.active AND p.digest NOT IN (SELECT w.digest FROM wanted w)
        )
        INSERT INTO nightjar.cancel_policies AS p
            (tenant_id, function_id, event, trigger_path, event_path, text, guard, condition, timeout, until, warning, digest, remote)
        SELECT tenant, the_function, w.event, w.trigger_path, w.event_path, w.text, w.guard, w.condition, w.timeout,
               w.until, w.warning, w.digest, register.kind = 2
        FROM wanted w
        ON CONFLICT (function_id, digest) DO UPDATE SET active = true, warning = excluded.warning
            WHERE NOT p.active OR p.warning IS DISTINCT FROM excluded.warning;

        UPDATE nightjar.functions f SET has_conditions = NOT f.has_conditions
        WHERE f.function_id = the_function AND f.has_conditions <> EXISTS (
            SELECT FROM nightjar.cancel_policies p
            WHERE p.function_id = the_function AND p.active AND p.condition IS NOT NULL);
    END LOOP;

    PERFORM nightjar.settle_queues(the_app);
    -- The app's queue, whatever its functions' queues are: where its workers claim.
    RETURN QUERY SELECT f.name, f.function_id, the_app FROM nightjar.functions f WHERE f.app_id = the_app;
END $$;

INSERT INTO nightjar.rights (kind, name)
SELECT 'inner', unnest(ARRAY['share_queue', 'take_lane', 'next_pass', 'needs_shares', 'is_placed', 'settle_queues']);

SELECT nightjar.seal();

INSERT INTO nightjar.migrations (version, name) VALUES (25, 'placing');
