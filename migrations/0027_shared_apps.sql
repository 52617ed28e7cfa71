-- Nightjar 0027: apps that serve all tenants.
--
-- A shared app belongs to tenant 0, whose name is "*" and which is none: nothing is sent to it, and nobody acts for it but the workers
-- of such apps. There is one row of each of its functions, triggers, policies and places, so that a tenant that is new is served at
-- once. An event of tenant T starts T's own functions and shared ones; whatever comes of it is T's: run, waits, keys, ids, log.
-- So wherever functions, triggers or places are looked up for a tenant, they are looked up for 0 as well. For one event by
-- `= ANY (ARRAY[0, T])`, 2 µs for all lookups of an event: further lookups beside them took 8, since a plan with more nodes is more
-- to set up. For many by such further lookups, which are none as long as there is no shared app: an array took 2 µs of each event.
-- (`IN (0, T)` with a column is an OR, for which there is no scan of an index.)
SET LOCAL client_min_messages = warning;

LOCK TABLE nightjar.events, nightjar.runs, nightjar.live, nightjar.waits, nightjar.match_paths IN ACCESS EXCLUSIVE MODE;

DO $$
BEGIN
    IF EXISTS (SELECT FROM nightjar.tenants t WHERE t.name = '*') THEN
        RAISE EXCEPTION 'there is a tenant "*", which is the name of all tenants from now on'
            USING HINT = 'Give it another name first: SELECT nightjar.set_tenant(''*'', ''{"name": "star"}'').';
    ELSIF EXISTS (SELECT FROM nightjar.apps a WHERE a.tenant_id = 0) OR EXISTS (SELECT FROM nightjar.tenants t WHERE t.tenant_id = 0) THEN
        RAISE EXCEPTION 'there is something of tenant 0, which is the number of all tenants from now on'
            USING HINT = 'Delete what nightjar.tenants and nightjar.apps have under tenant_id 0: somebody has set nightjar.tenant to a number that no tenant had.';
    END IF;
END $$;
INSERT INTO nightjar.tenants (tenant_id, name) VALUES (0, '*');

ALTER TABLE nightjar.event_keys ADD CONSTRAINT "a key belongs to one tenant, not to all" CHECK (tenant_id > 0);

-- ---------------------------------------------------------------------------------------------------------------------
-- Where runs of shared functions rest
-- ---------------------------------------------------------------------------------------------------------------------
--
-- Their queue has the runs of many tenants, so those of one are found by an index of their own.

ALTER TABLE nightjar.live ADD COLUMN shared boolean NOT NULL DEFAULT false;     -- set by nightjar.place
CREATE INDEX live_shared ON nightjar.live (tenant_id, queue) WHERE shared;

-- As in 0025, and: the queue of a shared app is fair.
CREATE OR REPLACE FUNCTION nightjar.needs_shares(app_id int) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN to_regclass(format('nightjar.queue_%s', needs_shares.app_id)) IS NOT NULL
        OR EXISTS (SELECT FROM nightjar.apps a WHERE a.app_id = needs_shares.app_id AND a.tenant_id = 0)
        OR EXISTS (SELECT FROM nightjar.functions f WHERE f.app_id = needs_shares.app_id AND f.priority IS NOT NULL);
END $$;

-- As in 0025, and: the slots that it needs (0026); a run of a shared function is known as such, and rests while its tenant is suspended.
-- Indexes: functions_pkey, tenants_pkey, events_pkey.
CREATE OR REPLACE FUNCTION nightjar.place() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    f record;
    level int := 0;
    event jsonb;
    rests boolean := NEW.queue < 0;
BEGIN
    SELECT g.app_id, g.fair, g.priority, g.limits, g.tenant_id = 0 AS shared, t.max_executing, t.state INTO STRICT f
    FROM nightjar.functions g
    LEFT JOIN LATERAL (SELECT t.max_executing, t.state FROM nightjar.tenants t WHERE t.tenant_id = NEW.tenant_id OFFSET 0) t ON true
    WHERE g.function_id = NEW.function_id;
    IF f.priority IS NOT NULL OR f.limits @? '$[*] ? (@.key != null)' THEN
        event := nightjar.event_json(NEW.event_id, true);
    END IF;
    IF f.priority IS NOT NULL THEN
        level := nightjar.priority_level(f.priority, event);
    END IF;
    IF f.fair THEN
        -- One that is scheduled takes no place: it is claimed by its time. What is scheduled may be much, and be cancelled again.
        NEW.pass := CASE WHEN NEW.state = 0 THEN nightjar.next_pass(f.app_id, NEW.tenant_id, level)
                         ELSE pg_sequence_last_value(format('nightjar.queue_%s', f.app_id)::regclass) END;
    END IF;
    IF f.shared THEN
        NEW.shared := true;
        rests := coalesce(f.state, 1) <> 1;
    END IF;
    NEW.queue := CASE WHEN rests THEN -f.app_id ELSE f.app_id END;
    IF f.limits IS NOT NULL OR f.max_executing IS NOT NULL THEN
        SELECT n.slots, n.limit_ids INTO NEW.slots, NEW.limit_ids
        FROM nightjar.find_slots(f.limits, f.max_executing, NEW.tenant_id, NEW.function_id, event) n;
        NEW.queue := sign(NEW.queue) * (f.app_id + 1073741824);
    END IF;
    RETURN NEW;
END $$;

-- Up to `most` runs that a tenant has of shared functions, in their queues or, if `away`, beside them; locked, unless somebody else
-- has them. Locks: live, SKIP LOCKED. Index: live_shared.
CREATE FUNCTION nightjar.take_shared_runs(tenant int, away boolean, most int) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
BEGIN
    IF away THEN
        RETURN ARRAY(SELECT l.run_id FROM nightjar.live l WHERE l.shared AND l.tenant_id = tenant AND l.queue < 0
                     ORDER BY l.queue LIMIT most FOR UPDATE SKIP LOCKED);
    END IF;
    RETURN ARRAY(SELECT l.run_id FROM nightjar.live l WHERE l.shared AND l.tenant_id = tenant AND l.queue > 0
                 ORDER BY l.queue LIMIT most FOR UPDATE SKIP LOCKED);
END $$;

-- As in 0022, and: those that wait for slots (0026), and those of shared functions.
-- Locks: live, SKIP LOCKED. Indexes: apps_tenant_id_name_key, live_ready, live_back, live_due, live_session, live_shared.
CREATE OR REPLACE FUNCTION nightjar.take_runs(tenant int, away boolean, most int) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    ids uuid[] := '{}';
    sign constant int := CASE WHEN away THEN -1 ELSE 1 END;
BEGIN
    SELECT ids || array_agg(r.run_id) INTO ids FROM (
        SELECT l.run_id FROM (SELECT a.app_id + b.beside AS queue FROM nightjar.apps a CROSS JOIN unnest(ARRAY[0, 1073741824, 1610612736]) b (beside)
              WHERE a.tenant_id = tenant) a
        CROSS JOIN LATERAL (SELECT l.run_id FROM nightjar.live l
                            WHERE l.queue = sign * a.queue AND l.state = 0 AND l.epoch = 0 AND l.tenant_id = tenant
                            ORDER BY l.pass, l.run_id LIMIT most FOR UPDATE SKIP LOCKED) l
        LIMIT most) r;
    SELECT ids || array_agg(r.run_id) INTO ids FROM (
        SELECT l.run_id FROM (SELECT a.app_id + b.beside AS queue FROM nightjar.apps a CROSS JOIN unnest(ARRAY[0, 1073741824, 1610612736]) b (beside)
              WHERE a.tenant_id = tenant) a
        CROSS JOIN LATERAL (SELECT l.run_id FROM nightjar.live l
                            WHERE l.queue = sign * a.queue AND l.state = 0 AND l.epoch > 0 AND l.tenant_id = tenant
                            ORDER BY l.pass, l.run_id LIMIT most FOR UPDATE SKIP LOCKED) l
        LIMIT most - cardinality(ids)) r;
    SELECT ids || array_agg(r.run_id) INTO ids FROM (
        SELECT l.run_id FROM (SELECT a.app_id + b.beside AS queue FROM nightjar.apps a CROSS JOIN unnest(ARRAY[0, 1073741824, 1610612736]) b (beside)
              WHERE a.tenant_id = tenant) a
        CROSS JOIN LATERAL (SELECT l.run_id FROM nightjar.live l
                            WHERE l.queue = sign * a.queue AND l.due_at IS NOT NULL AND l.tenant_id = tenant
                            ORDER BY l.due_at, l.run_id LIMIT most FOR UPDATE SKIP LOCKED) l
        LIMIT most - cardinality(ids)) r;
    SELECT ids || array_agg(r.run_id) INTO ids FROM (
        SELECT l.run_id
        FROM (SELECT s.session_id, a.app_id FROM nightjar.sessions s CROSS JOIN nightjar.apps a WHERE a.tenant_id = tenant) s
        CROSS JOIN LATERAL (SELECT l.run_id FROM nightjar.live l
                            WHERE l.session_id = s.session_id AND l.state = 1 AND l.queue = sign * s.app_id AND l.tenant_id = tenant
                            ORDER BY l.run_id LIMIT most FOR UPDATE SKIP LOCKED) l
        LIMIT most - cardinality(ids)) r;
    RETURN ids || nightjar.take_shared_runs(tenant, away, most - cardinality(ids));
END $$;

-- As in 0022, and: those that wait for slots (0026), and those of shared functions. Indexes: as take_runs.
CREATE OR REPLACE FUNCTION nightjar.has_runs(tenant int, away boolean) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    sign constant int := CASE WHEN away THEN -1 ELSE 1 END;
BEGIN
    RETURN CASE WHEN away THEN EXISTS (SELECT FROM nightjar.live l WHERE l.shared AND l.tenant_id = tenant AND l.queue < 0)
                ELSE EXISTS (SELECT FROM nightjar.live l WHERE l.shared AND l.tenant_id = tenant AND l.queue > 0) END
        OR EXISTS (
        SELECT FROM (SELECT a.app_id, a.app_id + b.beside AS queue FROM nightjar.apps a CROSS JOIN unnest(ARRAY[0, 1073741824, 1610612736]) b (beside)
              WHERE a.tenant_id = tenant) a
        CROSS JOIN LATERAL (
            SELECT FROM nightjar.live l WHERE l.queue = sign * a.queue AND l.state = 0 AND l.epoch = 0 AND l.tenant_id = tenant
            UNION ALL
            SELECT FROM nightjar.live l WHERE l.queue = sign * a.queue AND l.state = 0 AND l.epoch > 0 AND l.tenant_id = tenant
            UNION ALL
            SELECT FROM nightjar.live l WHERE l.queue = sign * a.queue AND l.due_at IS NOT NULL AND l.tenant_id = tenant
            UNION ALL
            SELECT FROM nightjar.sessions s
            CROSS JOIN LATERAL (SELECT FROM nightjar.live l
                                WHERE l.session_id = s.session_id AND l.state = 1 AND l.queue = sign * a.app_id
                                  AND l.tenant_id = tenant) l) l);
END $$;

-- As in 0022, and: those that wait for slots (0026), and those of shared functions.
-- Indexes: tenant_usage_pkey, apps_tenant_id_name_key, live_ready, live_back, live_due, live_session, live_shared.
CREATE OR REPLACE FUNCTION nightjar.count_live(tenant int, most int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    found int;
BEGIN
    SELECT u.live_runs INTO found FROM nightjar.tenant_usage u
    WHERE u.tenant_id = tenant AND u.counted_at > clock_timestamp() - interval '1 second';
    IF found IS NOT NULL THEN
        RETURN found;
    END IF;
    SELECT count(*) INTO found FROM (
        SELECT FROM (SELECT a.app_id + b.beside AS queue FROM nightjar.apps a CROSS JOIN unnest(ARRAY[0, 1073741824, 1610612736]) b (beside)
              WHERE a.tenant_id = tenant) a
        CROSS JOIN LATERAL (
            SELECT FROM nightjar.live l WHERE l.queue = a.queue AND l.state = 0 AND l.epoch = 0 AND l.tenant_id = tenant
            UNION ALL
            SELECT FROM nightjar.live l WHERE l.queue = a.queue AND l.state = 0 AND l.epoch > 0 AND l.tenant_id = tenant
            UNION ALL
            SELECT FROM nightjar.live l WHERE l.queue = a.queue AND l.due_at IS NOT NULL AND l.tenant_id = tenant
            UNION ALL
            SELECT FROM nightjar.sessions s
            CROSS JOIN LATERAL (SELECT FROM nightjar.live l
                                WHERE l.session_id = s.session_id AND l.state = 1 AND l.queue = a.queue AND l.tenant_id = tenant) l) l
        UNION ALL
        SELECT FROM nightjar.live l WHERE l.shared AND l.tenant_id = tenant
        LIMIT most) l;
    IF current_setting('transaction_isolation') = 'read committed'
       AND pg_try_advisory_xact_lock(1852403046, tenant) THEN       -- no other lock has it
        INSERT INTO nightjar.tenant_usage AS u (tenant_id, live_runs, counted_at) VALUES (tenant, found, clock_timestamp())
        ON CONFLICT (tenant_id) DO UPDATE SET live_runs = excluded.live_runs, counted_at = excluded.counted_at;
    END IF;
    RETURN found;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- What an event does
-- ---------------------------------------------------------------------------------------------------------------------

-- As in 0017, and: shared functions listen, too.
-- Indexes: function_triggers_pkey, function_triggers_wildcard, match_paths_pkey, match_paths_wildcard.
CREATE OR REPLACE FUNCTION nightjar.heard(tenants int[], names text[]) RETURNS TABLE (tenant_id int, name text) LANGUAGE sql STABLE AS $$
    SELECT a.tenant_id, n.name
    FROM unnest(tenants) AS a (tenant_id) CROSS JOIN unnest(names) AS n (name)
    WHERE EXISTS (SELECT FROM nightjar.function_triggers t
                  WHERE t.tenant_id = a.tenant_id AND t.event = n.name AND t.source IS NULL OFFSET 0)
       OR EXISTS (SELECT FROM nightjar.function_triggers t
                  WHERE t.tenant_id = a.tenant_id AND t.prefix IS NOT NULL AND starts_with(n.name, t.prefix) OFFSET 0)
       -- How an invoked run's end finds who waits for it is not listening to all ends.
       OR EXISTS (SELECT FROM nightjar.match_paths m
                  WHERE m.tenant_id = a.tenant_id AND m.event = n.name AND m.path <> '{data,correlation_id}' OFFSET 0)
       OR EXISTS (SELECT FROM nightjar.match_paths m
                  WHERE m.tenant_id = a.tenant_id AND m.prefix IS NOT NULL AND starts_with(n.name, m.prefix) OFFSET 0)
       OR (SELECT EXISTS (SELECT FROM nightjar.apps s WHERE s.tenant_id = 0)) AND (
          EXISTS (SELECT FROM nightjar.function_triggers t
                  WHERE t.tenant_id = 0 AND t.event = n.name AND t.source IS NULL OFFSET 0)
          OR EXISTS (SELECT FROM nightjar.function_triggers t
                     WHERE t.tenant_id = 0 AND t.prefix IS NOT NULL AND starts_with(n.name, t.prefix) OFFSET 0)
          OR EXISTS (SELECT FROM nightjar.match_paths m
                     WHERE m.tenant_id = 0 AND m.event = n.name AND m.path <> '{data,correlation_id}' OFFSET 0)
          OR EXISTS (SELECT FROM nightjar.match_paths m
                     WHERE m.tenant_id = 0 AND m.prefix IS NOT NULL AND starts_with(n.name, m.prefix) OFFSET 0))
$$;

-- Whoever listens to ends of runs, in whatever tenant.
CREATE INDEX function_triggers_ends ON nightjar.function_triggers (tenant_id)
    WHERE (starts_with(event, 'inngest/') OR event = '*') AND source IS NULL;
CREATE INDEX match_paths_ends ON nightjar.match_paths (tenant_id)
    WHERE (starts_with(event, 'inngest/') OR event = '*') AND path <> '{data,correlation_id}';

-- Whether somebody listens to the ends of an app's runs in general: in its tenant or, if it is shared, in any.
-- Indexes: apps_pkey, those of nightjar.heard, function_triggers_ends, match_paths_ends.
CREATE FUNCTION nightjar.ends_heard(app_id int) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    tenant constant int := (SELECT a.tenant_id FROM nightjar.apps a WHERE a.app_id = ends_heard.app_id);
BEGIN
    IF tenant = 0 THEN
        RETURN EXISTS (SELECT FROM nightjar.function_triggers t
                       WHERE (starts_with(t.event, 'inngest/') OR t.event = '*') AND t.source IS NULL)
            OR EXISTS (SELECT FROM nightjar.match_paths m
                       WHERE (starts_with(m.event, 'inngest/') OR m.event = '*') AND m.path <> '{data,correlation_id}');
    END IF;
    RETURN EXISTS (SELECT FROM nightjar.heard(
        ARRAY[tenant], ARRAY['inngest/function.failed', 'inngest/function.cancelled', 'inngest/function.finished']));
END $$;

-- The match keys of an event. Indexes: match_paths_pkey, match_paths_wildcard.
CREATE OR REPLACE FUNCTION nightjar.event_keys(tenant_id int, name text, data jsonb, "user" jsonb, id text, ts timestamptz)
RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
    SELECT nightjar.match_key(m.event, m.path, v.value)
    FROM (SELECT m.event, m.path FROM nightjar.match_paths m WHERE m.tenant_id = event_keys.tenant_id AND m.event = name
          UNION ALL
          SELECT m.event, m.path FROM nightjar.match_paths m
          WHERE m.tenant_id = event_keys.tenant_id AND m.prefix IS NOT NULL AND starts_with(name, m.prefix)
          UNION ALL
          SELECT m.event, m.path FROM nightjar.match_paths m
          WHERE (SELECT EXISTS (SELECT FROM nightjar.apps s WHERE s.tenant_id = 0)) AND m.tenant_id = 0 AND m.event = name
          UNION ALL
          SELECT m.event, m.path FROM nightjar.match_paths m
          WHERE (SELECT EXISTS (SELECT FROM nightjar.apps s WHERE s.tenant_id = 0)) AND m.tenant_id = 0 AND m.prefix IS NOT NULL
            AND starts_with(name, m.prefix)) m
    CROSS JOIN LATERAL nightjar.event_values(m.path, name, data, "user", id, ts) AS v (value)
$$;

-- As in 0018, and: shared functions; an event is one tenant's. The order of claims may be another than that of events (0025), so
-- newcomers have the event's number.
-- Locks: idempotency rows in key order (only events with an id of their own) → live rows that nobody leases, ascending,
-- SKIP LOCKED → open steps → waits. It never waits for a worker, and never holds a row that a worker's commit waits for.
-- Indexes: function_triggers_pkey, function_triggers_wildcard, match_paths_pkey, match_paths_wildcard,
--          cancel_policies_active, waits_key, live_pkey; for an invoked function apps_tenant_id_name_key and
--          functions_tenant_id_app_id_name_key.
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
    for_all boolean;     -- of no tenant
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
           bool_or(starts_with(lower(n.name), 'inngest/')), bool_or(n.tenant_id = 0)
    INTO single, has_ids, has_calls, has_own, for_all FROM inserted n;
    IF has_ids IS NULL THEN
        RETURN NULL;     -- an INSERT of no rows
    END IF;
    IF for_all THEN
        RAISE EXCEPTION 'an event belongs to one tenant, and "*" stands for all of them'
            USING ERRCODE = 'check_violation', HINT = 'Name one, in the setting nightjar.tenant or in tenant_id.';
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
                WHERE t.tenant_id = ANY (ARRAY[0, e.tenant_id]) AND t.event = e.name
                UNION ALL
                SELECT t.function_id, t.gated, t.condition FROM nightjar.function_triggers t
                WHERE t.tenant_id = ANY (ARRAY[0, e.tenant_id]) AND t.prefix IS NOT NULL AND starts_with(e.name, t.prefix)
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
                UNION ALL
                SELECT t.function_id, t.source, t.condition FROM nightjar.function_triggers t
                WHERE (SELECT EXISTS (SELECT FROM nightjar.apps s WHERE s.tenant_id = 0)) AND t.tenant_id = 0 AND t.event = n.name AND NOT t.gated
                UNION ALL
                SELECT t.function_id, t.source, t.condition FROM nightjar.function_triggers t
                WHERE (SELECT EXISTS (SELECT FROM nightjar.apps s WHERE s.tenant_id = 0)) AND t.tenant_id = 0 AND t.prefix IS NOT NULL
                  AND starts_with(n.name, t.prefix) AND NOT t.gated
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
                SELECT f.function_id
                FROM (SELECT a.app_id, a.tenant_id FROM nightjar.apps a
                      WHERE a.tenant_id = ANY (CASE WHEN n.data #> '{_nightjar,shared}' = 'true' THEN '{0}' ELSE ARRAY[0, n.tenant_id] END)
                        AND a.name = n.data #>> '{_nightjar,app}'
                      ORDER BY a.tenant_id DESC LIMIT 1) a
                JOIN nightjar.functions f ON f.tenant_id = a.tenant_id AND f.app_id = a.app_id AND f.name = n.data #>> '{_nightjar,function}'
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
            RETURNING run_id, newcomer
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
            SELECT s.run_id, s.seq FROM started s
            WHERE (s.run_id IN (SELECT a.run_id FROM alive a WHERE a.newcomer)) IS TRUE AND (s.run_id IN (SELECT w.run_id FROM waiting w)) IS TRUE
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
                         WHERE t.gated AND t.tenant_id IN (SELECT n.tenant_id FROM inserted n))
                 OR EXISTS (SELECT FROM nightjar.function_triggers t WHERE t.gated AND t.tenant_id = 0);
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
       OR EXISTS (SELECT FROM nightjar.match_paths m WHERE m.tenant_id = ANY (ARRAY[0, e.tenant_id]) AND m.event = e.name)
       OR EXISTS (SELECT FROM nightjar.match_paths m
                  WHERE m.tenant_id = ANY (ARRAY[0, e.tenant_id]) AND m.prefix IS NOT NULL AND starts_with(e.name, m.prefix)) THEN
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

-- ---------------------------------------------------------------------------------------------------------------------
-- Functions by name
-- ---------------------------------------------------------------------------------------------------------------------

-- The apps whose functions a tenant may invoke: its own, and shared ones unless one of its own has their name.
-- Index: apps_tenant_id_name_key.
CREATE FUNCTION nightjar.callable_apps(tenant int) RETURNS SETOF nightjar.apps LANGUAGE sql STABLE AS $$
    SELECT a.* FROM nightjar.apps a
    WHERE a.tenant_id = ANY (ARRAY[0, callable_apps.tenant])
      AND (a.tenant_id > 0 OR NOT EXISTS (SELECT FROM nightjar.apps o WHERE o.tenant_id = callable_apps.tenant AND o.name = a.name OFFSET 0))
$$;

-- As in 0014, and: functions of shared apps.
-- Locks: those of an event's insertion (0011). Indexes: apps_tenant_id_name_key, functions_tenant_id_app_id_name_key.
CREATE OR REPLACE FUNCTION nightjar.invoke(tenant int, slug text, data jsonb, "user" jsonb DEFAULT NULL, id text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    target record;
    invoked uuid;
BEGIN
    -- Of two readings the one with the longer name of the app.
    SELECT a.name AS app, f.name AS function, a.tenant_id = 0 AS shared INTO target
    FROM nightjar.callable_apps(tenant) a JOIN nightjar.functions f ON f.app_id = a.app_id
    WHERE f.archived_at IS NULL
      AND (a.name || '-' || f.name = slug OR nightjar.function_uuid(f.function_id)::text = slug)
    ORDER BY length(a.name) DESC LIMIT 1;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('nightjar.signal', 'sent', true);
    INSERT INTO nightjar.events AS e (tenant_id, name, data, "user", id)
    VALUES (tenant, 'inngest/function.invoked',
            invoke.data || jsonb_build_object(
                '_inngest', jsonb_build_object('fn_id', target.app || '-' || target.function),
                '_nightjar', jsonb_build_object('app', target.app, 'function', target.function, 'quiet', false)
                                                || CASE WHEN target.shared THEN '{"shared": true}' ELSE '{}'::jsonb END),
            invoke."user", invoke.id)
    RETURNING e.event_id INTO invoked;
    PERFORM set_config('nightjar.signal', '', true);
    RETURN invoked;
END $$;

-- As in 0008, and: functions of shared apps are invoked.
-- Locks: waits and logs, by insertion; those of an event's insertion (0010).
-- Indexes: open_steps_pkey, live_pkey, runs_pkey, events_pkey.
CREATE OR REPLACE FUNCTION nightjar.step_opened() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM opened) THEN
        RETURN NULL;
    END IF;
    -- The number is taken here, after the paths were committed: an event with a higher one has the keys.
    UPDATE nightjar.open_steps o
    SET since = CASE WHEN (n.spec ->> 'look_back')::boolean THEN (SELECT r.event_seq FROM nightjar.runs r WHERE r.run_id = n.run_id)
                     ELSE nextval('nightjar.event_seq') END
    FROM opened n
    WHERE o.run_id = ANY (ARRAY(SELECT n.run_id FROM opened n)) AND o.run_id = n.run_id AND o.step = n.step AND o.since IS NULL;

    INSERT INTO nightjar.match_paths (tenant_id, event, path)
    SELECT DISTINCT n.tenant_id, n.spec ->> 'event', b.event_path
    FROM opened n CROSS JOIN LATERAL jsonb_to_recordset(n.spec -> 'branches') AS b (event_path text[])
    WHERE n.kind <> 5
    ON CONFLICT DO NOTHING;
    INSERT INTO nightjar.match_paths (tenant_id, event, path)
    SELECT DISTINCT n.tenant_id, 'inngest/function.finished', '{data,correlation_id}'::text[] FROM opened n WHERE n.kind = 5
    ON CONFLICT DO NOTHING;

    INSERT INTO nightjar.waits (tenant_id, policy_id, key, run_id, since, purpose)
    SELECT o.tenant_id, -(o.slot * 16 + b.branch - 1)::int,
           nightjar.match_key(o.spec ->> 'event', b.event_path, v.value), o.run_id, o.since, 2
    FROM opened n
    CROSS JOIN LATERAL (SELECT o.* FROM nightjar.open_steps o WHERE o.run_id = n.run_id AND o.step = n.step OFFSET 0) o
    CROSS JOIN LATERAL (SELECT r.event_id FROM nightjar.runs r WHERE r.run_id = n.run_id LIMIT 1) r
    CROSS JOIN LATERAL (SELECT e.* FROM nightjar.events e WHERE e.event_id = r.event_id LIMIT 1) e
    CROSS JOIN LATERAL ROWS FROM (jsonb_to_recordset(o.spec -> 'branches')
        AS (trigger_path text[], event_path text[], "guard" jsonb)) WITH ORDINALITY
        AS b (trigger_path, event_path, "guard", branch)
    CROSS JOIN LATERAL nightjar.event_values(
        b.trigger_path, e.name, e.data, e."user",
        coalesce(e.id, CASE WHEN o.spec ? 'remote' THEN nightjar.ulid(e.event_id) ELSE e.event_id::text END), e.ts)
        AS v (value)
    WHERE o.kind <> 5
      AND (coalesce(b."guard", 'null') = 'null' OR nightjar.evaluate(b."guard", nightjar.event_json(e.event_id, o.spec ? 'remote'), NULL) = 'true');

    INSERT INTO nightjar.waits (tenant_id, policy_id, key, run_id, since, purpose)
    SELECT o.tenant_id, -(o.slot * 16),
           nightjar.match_key('inngest/function.finished', '{data,correlation_id}', to_jsonb(o.run_id || '.' || o.step)),
           o.run_id, o.since, 2
    FROM opened n
    CROSS JOIN LATERAL (SELECT o.* FROM nightjar.open_steps o WHERE o.run_id = n.run_id AND o.step = n.step OFFSET 0) o
    WHERE o.kind = 5;
    INSERT INTO nightjar.events (tenant_id, name, data)
    SELECT n.tenant_id, 'inngest/function.invoked',
           n.data || jsonb_build_object(
               '_inngest', jsonb_build_object('fn_id', n.app || '-' || n.function, 'correlation_id', n.run_id || '.' || n.step),
               '_nightjar', jsonb_build_object('app', n.app, 'function', n.function, 'parent', n.run_id, 'step', n.step, 'quiet', n.quiet)
                                || CASE WHEN n.shared THEN '{"shared": true}' ELSE '{}'::jsonb END)
    FROM (SELECT n.tenant_id, n.run_id, n.step, n.spec -> 'data' AS data, coalesce(s.function, n.spec ->> 'function') AS function,
                 coalesce(s.app, n.spec ->> 'app', a.name) AS app, l.origin >= 2 AS quiet,
                 -- A shared function that names its own app means that one.
                 coalesce(s.shared, a.tenant_id = 0 AND coalesce(n.spec ->> 'app', a.name) = a.name) AS shared
          FROM opened n
          LEFT JOIN LATERAL (
              -- Of two readings the one with the longer name of the app.
              SELECT b.name AS app, g.name AS function, b.tenant_id = 0 AS shared
              FROM nightjar.callable_apps(n.tenant_id) b JOIN nightjar.functions g ON g.app_id = b.app_id
              WHERE (b.name || '-' || g.name = n.spec ->> 'slug' OR nightjar.function_uuid(g.function_id)::text = n.spec ->> 'slug')
              ORDER BY length(b.name) DESC LIMIT 1) s ON n.spec ? 'slug'
          CROSS JOIN LATERAL (SELECT l.function_id, l.origin FROM nightjar.live l WHERE l.run_id = n.run_id OFFSET 0) l
          CROSS JOIN LATERAL (SELECT f.app_id FROM nightjar.functions f WHERE f.function_id = l.function_id OFFSET 0) f
          CROSS JOIN LATERAL (SELECT a.name, a.tenant_id FROM nightjar.apps a WHERE a.app_id = f.app_id OFFSET 0) a
          WHERE n.kind = 5 ORDER BY n.run_id, n.step) n;
    RETURN NULL;
END $$;

-- As in 0012, and: those of shared apps.
CREATE OR REPLACE FUNCTION nightjar.named_functions(app text, function text) RETURNS int[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    ids int[];
BEGIN
    IF app IS NULL AND function IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT array_agg(f.function_id) INTO ids FROM nightjar.functions f JOIN nightjar.apps a ON a.app_id = f.app_id
    WHERE f.tenant_id = ANY (ARRAY[0, nightjar.current_tenant()]) AND (named_functions.app IS NULL OR a.name = named_functions.app)
      AND (named_functions.function IS NULL OR f.name = named_functions.function);
    IF ids IS NULL THEN
        RAISE EXCEPTION 'there is no function "%"%', coalesce(function, '*'), coalesce(' in app "' || app || '"', '')
            USING ERRCODE = 'undefined_object',
                  HINT = 'There are: ' || coalesce((
                      SELECT string_agg(k.name, ', ' ORDER BY k.name) FROM (
                          SELECT DISTINCT a.name || '/' || f.name AS name
                          FROM nightjar.functions f JOIN nightjar.apps a ON a.app_id = f.app_id
                          WHERE f.tenant_id = ANY (ARRAY[0, nightjar.current_tenant()]) ORDER BY 1 LIMIT 50) k), 'none') || '.';
    END IF;
    RETURN ids;
END $$;

-- As in 0012, and: shared functions.
CREATE OR REPLACE FUNCTION nightjar.reschedule(name text, data jsonb DEFAULT '{}', id text DEFAULT NULL, ts timestamptz DEFAULT NULL,
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
    WHERE t.tenant_id = ANY (ARRAY[0, nightjar.current_tenant()])
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

-- ---------------------------------------------------------------------------------------------------------------------
-- Flow control
-- ---------------------------------------------------------------------------------------------------------------------

-- What tells one tenant's keys of a shared function from another's. No other key begins so: they are JSON.
CREATE FUNCTION nightjar.key_prefix(function_tenant int, tenant int) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN function_tenant = 0 THEN tenant || E'\x1f' ELSE '' END
$$;

ALTER TABLE nightjar.gathered DROP CONSTRAINT gathered_pkey, ADD PRIMARY KEY (function_id, tenant_id, key, seq);

-- As in 0015, and: shared functions. Indexes: events_pkey, function_triggers_gated, functions_pkey.
CREATE OR REPLACE FUNCTION nightjar.gate_locks(event_ids uuid[]) RETURNS SETOF bigint LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
    SELECT DISTINCT (hashtextextended(k.kind, f.function_id) & ~63::bigint) | (hashtextextended(f.own || k.key, 0) & 63)
    FROM unnest(event_ids) AS i (event_id)
    CROSS JOIN LATERAL (SELECT v.tenant_id, v.name, v.id, nightjar.event_json(v.event_id, true) AS body
                        FROM nightjar.events v WHERE v.event_id = i.event_id LIMIT 1) e
    CROSS JOIN LATERAL (SELECT t.function_id FROM nightjar.function_triggers t
                        WHERE t.tenant_id = ANY (ARRAY[0, e.tenant_id]) AND t.gated
                          AND (t.event = e.name OR t.prefix IS NOT NULL AND starts_with(e.name, t.prefix)) OFFSET 0) t
    CROSS JOIN LATERAL (SELECT f.function_id, f.flow, nightjar.key_prefix(f.tenant_id, e.tenant_id) AS own FROM nightjar.functions f WHERE f.function_id = t.function_id OFFSET 0) f
    CROSS JOIN LATERAL (
        SELECT 'id' AS kind, e.id AS key
        UNION ALL
        SELECT o.kind, nightjar.flow_key(f.flow #> ARRAY[o.kind, 'key'], e.body)
        FROM unnest(ARRAY['idempotency', 'rate_limit', 'throttle', 'singleton']) AS o (kind) WHERE f.flow ? o.kind) k
    WHERE k.key IS NOT NULL
$$;

-- As in 0015, and: shared functions, whose keys are one tenant's.
-- Locks: idempotency, flow_counters and singletons, under the locks of gate_locks: two events at once with one key take
-- turns, until the first commits. Indexes: events_pkey, function_triggers_gated, functions_pkey and those of start_run.
CREATE OR REPLACE FUNCTION nightjar.admit(event_id uuid, OUT started boolean, OUT gathered boolean)
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
    FOR m IN SELECT DISTINCT f.function_id, f.flow, nightjar.key_prefix(f.tenant_id, e.tenant_id) AS own FROM nightjar.function_triggers t
             JOIN nightjar.functions f ON f.function_id = t.function_id
             WHERE t.tenant_id = ANY (ARRAY[0, e.tenant_id]) AND t.gated
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
                VALUES (m.function_id, 'rate_limit', m.own || key_text, arrived, 1)
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
            VALUES (m.function_id, 'throttle', m.own || key_text, arrived + cost, 1)
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
                INSERT INTO nightjar.singletons (function_id, key, run_id) VALUES (m.function_id, m.own || key_text, run)
                ON CONFLICT (function_id, key) DO NOTHING;
                IF NOT FOUND THEN
                    SELECT s.run_id INTO holder FROM nightjar.singletons s
                    WHERE s.function_id = m.function_id AND s.key = m.own || key_text FOR UPDATE;
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
                        UPDATE nightjar.singletons s SET run_id = run WHERE s.function_id = m.function_id AND s.key = m.own || key_text;
                    ELSE
                        PERFORM FROM nightjar.cancel_runs(ARRAY[run], ARRAY[jsonb_build_object(
                            'kind', 'skipped', 'reason', 'singleton', 'holder', holder, 'asked_at', arrived)], false);
                    END IF;
                END IF;
            END IF;
        END IF;
    END LOOP;
END $$;

-- As in 0015, and: what is gathered for a shared function is one tenant's.
-- Locks: advisory (transaction): one at a time, so that no batch is torn apart; gathered rows; those of start_run.
-- Indexes: gathered_pkey, functions_pkey.
CREATE OR REPLACE FUNCTION nightjar.gather(most int, OUT started int, OUT next_in interval)
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
    FOR g IN SELECT s.function_id, s.tenant_id, s.key, f.flow FROM (SELECT DISTINCT s.function_id, s.tenant_id, s.key FROM nightjar.gathered s) s
             JOIN nightjar.functions f ON f.function_id = s.function_id LOOP
        IF g.flow ? 'debounce' THEN
            spec := g.flow -> 'debounce';
            -- The event that happened last; one that happened earlier does not put it off.
            SELECT s.event_id, s.at, min(s.at) OVER () AS first, array_agg(s.seq) OVER () AS seen INTO chosen
            FROM nightjar.gathered s
            WHERE s.function_id = g.function_id AND s.tenant_id = g.tenant_id AND s.key = g.key ORDER BY s.ts DESC, s.seq DESC LIMIT 1;
            due := least(chosen.at + (spec ->> 'period_ms')::float8 * interval '1 ms',
                         chosen.first + (spec ->> 'timeout_ms')::float8 * interval '1 ms');
            IF due <= now_is AND started < most THEN
                -- What has come since is for the next run.
                DELETE FROM nightjar.gathered s
                WHERE s.function_id = g.function_id AND s.tenant_id = g.tenant_id AND s.key = g.key AND s.seq = ANY (chosen.seen);
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
                      FROM (SELECT * FROM nightjar.gathered s WHERE s.function_id = g.function_id AND s.tenant_id = g.tenant_id AND s.key = g.key
                            ORDER BY s.seq LIMIT (spec ->> 'max')::int) s) b;
                EXIT WHEN events IS NULL;
                -- Asked in one question: what comes between two would look like the rest of a full batch.
                IF started >= most OR due > now_is AND NOT is_full THEN
                    next_in := least(next_in, greatest(due - now_is, interval '0'));
                    EXIT;
                END IF;
                DELETE FROM nightjar.gathered s
                WHERE s.function_id = g.function_id AND s.tenant_id = g.tenant_id AND s.key = g.key AND s.event_id = ANY (events);
                PERFORM nightjar.start_run(g.function_id, events[1], now_is, events);
                started := started + 1;
            END LOOP;
        END IF;
    END LOOP;
    IF started > 0 THEN
        PERFORM nightjar.hint('ready');
    END IF;
END $$;

-- A deleted tenant leaves no keys of shared functions behind.
CREATE FUNCTION nightjar.tenant_gone() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM nightjar.flow_counters c WHERE starts_with(c.key, nightjar.key_prefix(0, NEW.tenant_id));
    DELETE FROM nightjar.singletons c WHERE starts_with(c.key, nightjar.key_prefix(0, NEW.tenant_id));
    RETURN NULL;
END $$;
CREATE TRIGGER tenant_gone AFTER UPDATE OF state ON nightjar.tenants
    FOR EACH ROW WHEN (NEW.state = 4) EXECUTE FUNCTION nightjar.tenant_gone();

-- ---------------------------------------------------------------------------------------------------------------------
-- "*" is no tenant
-- ---------------------------------------------------------------------------------------------------------------------

-- As in 0022, and: not all of them.
CREATE OR REPLACE FUNCTION nightjar.lock_tenant(name text) RETURNS nightjar.tenants
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t nightjar.tenants;
BEGIN
    SELECT g.* INTO STRICT t FROM nightjar.tenants g WHERE g.tenant_id = nightjar.tenant_number(lock_tenant.name) FOR UPDATE;
    IF t.tenant_id = 0 THEN
        RAISE EXCEPTION 'tenant "*" stands for all tenants: it is none that could be changed, suspended or deleted'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Name one of them.';
    END IF;
    RETURN t;
END $$;

-- As in 0022, and: to one tenant.
CREATE OR REPLACE FUNCTION nightjar.bind_role(role text, tenant text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    number int;
BEGIN
    IF bind_role.tenant IS NULL THEN
        DELETE FROM nightjar.role_tenants b WHERE b.role = bind_role.role::name;
        RETURN;
    END IF;
    IF to_regrole(quote_ident(bind_role.role)) IS NULL THEN
        RAISE EXCEPTION 'there is no role "%"', bind_role.role USING ERRCODE = 'undefined_object', HINT = 'Make it with CREATE ROLE.';
    END IF;
    number := nightjar.tenant_number(bind_role.tenant);
    IF number = 0 THEN
        RAISE EXCEPTION 'role "%" cannot be bound to all tenants', bind_role.role
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Bind it to one; a role that acts for all of them is not bound.';
    END IF;
    -- MEMBER: what it does not inherit it can set.
    IF has_table_privilege(bind_role.role, 'nightjar.live'::regclass, 'UPDATE')
       OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = bind_role.role AND (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole))
       OR EXISTS (SELECT FROM pg_roles g
                  WHERE (g.rolname IN ('nightjar_worker', 'nightjar_admin', 'pg_read_all_data', 'pg_write_all_data')
                         OR g.oid = (SELECT s.nspowner FROM pg_namespace s WHERE s.nspname = 'nightjar'))
                    AND pg_has_role(bind_role.role, g.oid, 'MEMBER')) THEN
        RAISE EXCEPTION 'role "%" may change the runs of all tenants, or come by the right to: no bond would hold it', bind_role.role
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Take from it what it has of SUPERUSER, BYPASSRLS, CREATEROLE and of the roles nightjar_worker, nightjar_admin, '
                         || 'pg_read_all_data, pg_write_all_data and the owner of the schema, or bind another role.';
    END IF;
    INSERT INTO nightjar.role_tenants AS b (role, tenant_id) VALUES (bind_role.role::name, number)
    ON CONFLICT (role) DO UPDATE SET tenant_id = excluded.tenant_id, bound_at = now() WHERE b.tenant_id <> excluded.tenant_id;
END $$;

-- As in 0022, and: not the name of all.
CREATE OR REPLACE FUNCTION nightjar.check_tenant_name(name text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF name IS NULL OR length(name) NOT BETWEEN 1 AND 255 OR name ~ '[[:cntrl:]]' OR name <> btrim(name)
       OR name ~ '^(deleted )?[0-9]+$' OR name = '*' THEN
        RAISE EXCEPTION 'a tenant cannot be called "%"', coalesce(name, '')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'A name has 1 to 255 characters, no control characters, no blanks around it, and not digits alone or behind "deleted"; "*" stands for all tenants.';
    END IF;
END $$;

-- As in 0022, and: a remote app has one tenant.
CREATE OR REPLACE FUNCTION nightjar.identity_added() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t nightjar.tenants;
BEGIN
    IF NEW.tenant_id = 0 THEN
        IF TG_TABLE_NAME = 'apps' AND (to_jsonb(NEW) ->> 'kind')::int <> 1 THEN
            RAISE EXCEPTION 'remote app "%" cannot be for all tenants', to_jsonb(NEW) ->> 'name'
                USING ERRCODE = 'invalid_parameter_value', HINT = 'Register it for one tenant: native apps serve all.';
        END IF;
        RETURN NEW;
    END IF;
    -- Waits for a suspension's call. One that comes before the suspension is found by it: see nightjar.advance_move.
    SELECT g.* INTO t FROM nightjar.tenants g WHERE g.tenant_id = NEW.tenant_id AND g.guarded FOR SHARE;
    IF t.state >= 3 THEN
        RAISE EXCEPTION 'tenant "%" is deleted: it takes no functions', t.name USING ERRCODE = 'NJ002';
    ELSIF t.state = 2 AND TG_TABLE_NAME = 'functions' THEN
        NEW.queue := -abs(NEW.queue);
    END IF;
    RETURN NEW;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Reports, and the seals between tenants
-- ---------------------------------------------------------------------------------------------------------------------

-- As in 0021, and: shared functions.
CREATE OR REPLACE VIEW nightjar_report.event_throughput WITH (security_invoker = true) AS
SELECT t.name AS tenant, u.name, u.at, u.count, u.last_at,
       -- One EXISTS for names and one for prefixes: the former is hashed.
       EXISTS (SELECT FROM nightjar.function_triggers g WHERE g.tenant_id = u.tenant_id AND g.event = u.name)
           OR EXISTS (SELECT FROM nightjar.function_triggers g WHERE g.tenant_id = 0 AND g.event = u.name)
           OR EXISTS (SELECT FROM nightjar.function_triggers g
                      WHERE g.tenant_id = ANY (ARRAY[0, u.tenant_id]) AND g.prefix IS NOT NULL AND starts_with(u.name, g.prefix)) AS starts_runs,
       EXISTS (SELECT FROM nightjar.match_paths m WHERE m.tenant_id = u.tenant_id AND m.event = u.name)
           OR EXISTS (SELECT FROM nightjar.match_paths m WHERE m.tenant_id = 0 AND m.event = u.name)
           OR EXISTS (SELECT FROM nightjar.match_paths m
                      WHERE m.tenant_id = ANY (ARRAY[0, u.tenant_id]) AND m.prefix IS NOT NULL AND starts_with(u.name, m.prefix)) AS is_matched,
       u.tenant_id
FROM nightjar.event_rollups u
JOIN nightjar.tenants t ON t.tenant_id = u.tenant_id;

-- Made anew by nightjar.seal, as below.
DROP POLICY tenant ON nightjar.sessions;
DROP POLICY tenant ON nightjar.flow_counters;
DROP POLICY tenant ON nightjar.singletons;
DROP POLICY IF EXISTS reporter ON nightjar.sessions;
DROP POLICY IF EXISTS reporter ON nightjar.flow_counters;
DROP POLICY IF EXISTS reporter ON nightjar.singletons;

-- As in 0022 to 0024, and: everybody sees what shared apps there are; nobody bound sees others' keys of theirs, or their workers.
CREATE OR REPLACE FUNCTION nightjar.seal() RETURNS text[] LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- What only who manages tenants may call, and what only our own functions call.
    managing constant text[] := ARRAY(SELECT r.name FROM nightjar.rights r WHERE r.kind = 'managing');
    inner_ones constant text[] := ARRAY(SELECT r.name FROM nightjar.rights r WHERE r.kind = 'inner');
    open_ones constant text[] := ARRAY(SELECT r.name FROM nightjar.rights r WHERE r.kind = 'open');
    tenant_tables constant text[] := ARRAY(SELECT r.name FROM nightjar.rights r WHERE r.kind = 'tenant table');
    missing text[] := '{}';
    member text;
    scope text;
    o record;
BEGIN
    FOREACH member IN ARRAY ARRAY['nightjar_worker', 'nightjar_tenant', 'nightjar_reporter', 'nightjar_admin'] LOOP
        IF to_regrole(member) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', member);
            EXCEPTION
                -- Roles are the cluster's: another database may be migrated at the same moment.
                WHEN duplicate_object OR unique_violation THEN NULL;
                WHEN insufficient_privilege THEN missing := missing || member;
            END;
        END IF;
    END LOOP;
    IF missing <> '{}' THEN
        RAISE WARNING 'the roles % are missing, and % may not make roles', array_to_string(missing, ', '), current_user
            USING HINT = 'Workers and clients of this user work as ever. For others: have somebody who may execute CREATE ROLE '
                         || array_to_string(missing, '; CREATE ROLE ') || '; then SELECT nightjar.seal().';
    END IF;
    FOREACH member IN ARRAY ARRAY['nightjar_worker', 'nightjar_reporter'] LOOP
        CONTINUE WHEN member = ANY (missing) OR 'nightjar_admin' = ANY (missing);
        IF NOT pg_has_role('nightjar_admin', member, 'MEMBER') THEN
            BEGIN
                EXECUTE format('GRANT %I TO nightjar_admin', member);
            EXCEPTION
                WHEN unique_violation THEN NULL;
                WHEN insufficient_privilege THEN
                    RAISE WARNING '% may not grant % to nightjar_admin', current_user, member
                        USING HINT = format('Have somebody who may execute GRANT %I TO nightjar_admin.', member);
            END;
        END IF;
    END LOOP;

    -- Row-level security.
    FOR o IN SELECT c.oid::regclass AS name, c.relname, c.relrowsecurity,
                    ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
                    EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped) AS of_tenant
             FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
             WHERE s.nspname IN ('nightjar', 'nightjar_report') AND c.relkind IN ('r', 'p') AND NOT c.relispartition
               AND (s.nspname, c.relname) NOT IN (('nightjar', 'migrations'), ('nightjar', 'role_tenants'))
             ORDER BY c.oid LOOP
        IF NOT o.relrowsecurity THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', o.name);
        END IF;
        scope := CASE WHEN o.of_tenant THEN 'tenant_id = (SELECT nightjar.current_tenant())'
                      WHEN o.relname = 'rollup_progress' THEN 'true'        -- how late the figures are
                      -- What workers of all tenants have in common, no tenant sees.
                      WHEN o.relname = 'sessions' THEN 'queue IN (SELECT a.app_id FROM nightjar.apps a WHERE a.tenant_id > 0)'
                      WHEN o.relname = 'crons' THEN 'function_id IN (SELECT f.function_id FROM nightjar.functions f)'
                      WHEN o.relname IN ('flow_counters', 'singletons')
                      THEN 'function_id IN (SELECT f.function_id FROM nightjar.functions f WHERE f.tenant_id > 0)'
                           || ' OR starts_with(key, nightjar.key_prefix(0, (SELECT nightjar.current_tenant())))'
                      WHEN o.relname IN ('run_events', 'newcomers')
                      THEN format('EXISTS (SELECT FROM nightjar.runs r WHERE r.run_id = %I.run_id)', o.relname) END;
        IF scope IS NOT NULL AND 'tenant' <> ALL (o.policies) THEN
            EXECUTE format('CREATE POLICY tenant ON %s USING (%s) WITH CHECK (%s)', o.name, scope, scope);
        END IF;
        IF 'worker' <> ALL (o.policies) AND 'nightjar_worker' <> ALL (missing) THEN
            EXECUTE format('CREATE POLICY worker ON %s TO nightjar_worker USING (true) WITH CHECK (true)', o.name);
        END IF;
        IF scope IS NOT NULL AND 'reporter' <> ALL (o.policies) AND 'nightjar_reporter' <> ALL (missing) THEN
            EXECUTE format('CREATE POLICY reporter ON %s FOR SELECT TO nightjar_reporter USING (%s)', o.name,
                           CASE WHEN o.of_tenant THEN '(SELECT nightjar.bound_tenant()) IS NULL OR tenant_id = (SELECT nightjar.bound_tenant())'
                                WHEN o.relname IN ('sessions', 'flow_counters', 'singletons') THEN '(SELECT nightjar.bound_tenant()) IS NULL OR ' || scope
                                ELSE scope END);
        END IF;
        -- Shared apps are everybody's to be known, so that runs of theirs have a name.
        IF o.relname IN ('tenants', 'apps', 'functions', 'function_triggers', 'cancel_policies', 'match_paths') AND 'shared' <> ALL (o.policies) THEN
            EXECUTE format('CREATE POLICY shared ON %s FOR SELECT USING (tenant_id = 0)', o.name);
        END IF;
    END LOOP;
    -- A part that is named itself, by somebody who was once given all tables, shows nobody but its owner anything.
    FOR o IN SELECT c.oid::regclass AS name FROM pg_class c
             WHERE c.relnamespace = 'nightjar'::regnamespace AND c.relkind = 'r' AND c.relispartition AND NOT c.relrowsecurity LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', o.name);
    END LOOP;
    -- A view asks with the rights of its owner, unless it is told not to.
    FOR o IN SELECT c.oid::regclass AS name FROM pg_class c
             WHERE c.relnamespace = 'nightjar'::regnamespace AND c.relkind = 'v'
               AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false) LOOP
        EXECUTE format('ALTER VIEW %s SET (security_invoker = true)', o.name);
    END LOOP;

    -- Rights. What is public is harmless: ids, and who one is.
    FOR o IN SELECT p.oid::regprocedure AS name, p.proname::text, p.prorettype = 'trigger'::regtype AS fires
             FROM pg_proc p WHERE p.pronamespace = 'nightjar'::regnamespace ORDER BY p.oid LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', o.name);
        IF o.proname = ANY (open_ones) THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', o.name);
        ELSIF NOT o.fires AND o.proname <> ALL (inner_ones || managing) AND 'nightjar_worker' <> ALL (missing) THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO nightjar_worker', o.name);
        END IF;
        IF o.proname = ANY (managing) AND 'nightjar_admin' <> ALL (missing) THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO nightjar_admin', o.name);
        END IF;
    END LOOP;
    IF 'nightjar_worker' <> ALL (missing) THEN
        GRANT USAGE ON SCHEMA nightjar TO nightjar_worker;
        GRANT INSERT ON nightjar.events, nightjar.steps, nightjar.attempts, nightjar.outcomes, nightjar.open_steps, nightjar.pending,
            nightjar.sessions, nightjar.idempotency TO nightjar_worker;
        GRANT UPDATE ON nightjar.live, nightjar.sessions, nightjar.interruptions, nightjar.idempotency, nightjar.pending TO nightjar_worker;
        GRANT DELETE ON nightjar.live, nightjar.sessions, nightjar.idempotency, nightjar.open_steps TO nightjar_worker;
    END IF;
    IF 'nightjar_tenant' <> ALL (missing) THEN
        GRANT USAGE ON SCHEMA nightjar TO nightjar_tenant;
        GRANT INSERT (event_id, tenant_id, name, data, "user", id, ts) ON nightjar.events TO nightjar_tenant;
        GRANT EXECUTE ON FUNCTION nightjar.send(text, jsonb, text, timestamptz, jsonb), nightjar.cancel(uuid, text, text) TO nightjar_tenant;
    END IF;
    IF 'nightjar_reporter' <> ALL (missing) THEN
        GRANT USAGE ON SCHEMA nightjar TO nightjar_reporter;
        GRANT SELECT (key_id, tenant_id, name, created_at, revoked_at) ON nightjar.event_keys TO nightjar_reporter;
        GRANT SELECT (key_id, tenant_id, signs, created_at, good_until) ON nightjar.signing_keys TO nightjar_reporter;
    END IF;
    IF 'nightjar_admin' <> ALL (missing) THEN
        GRANT INSERT, UPDATE ON nightjar.event_keys TO nightjar_admin;
        IF NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = 'nightjar.role_tenants'::regclass AND p.polname = 'admin') THEN
            CREATE POLICY admin ON nightjar.role_tenants FOR SELECT TO nightjar_admin USING (true);
        END IF;
    END IF;
    FOR o IN SELECT c.oid::regclass AS name, c.relname::text, s.nspname::text,
                    -- What asks with its owner's rights, or holds what it asked, shows everybody everything.
                    c.relrowsecurity OR c.relname = 'migrations'
                    OR c.relkind = 'v' AND coalesce('security_invoker=true' = ANY (c.reloptions), false) AS sealed
             FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
             WHERE s.nspname IN ('nightjar', 'nightjar_report') AND c.relkind IN ('r', 'p', 'v', 'm') AND NOT c.relispartition LOOP
        IF 'nightjar_worker' <> ALL (missing) THEN
            EXECUTE format('GRANT SELECT ON %s TO nightjar_worker', o.name);
        END IF;
        CONTINUE WHEN NOT o.sealed;
        IF 'nightjar_tenant' <> ALL (missing) AND (o.nspname = 'nightjar_report' OR o.relname = ANY (tenant_tables)) THEN
            EXECUTE format('GRANT SELECT ON %s TO nightjar_tenant', o.name);
        END IF;
        IF 'nightjar_reporter' <> ALL (missing) AND o.relname NOT IN ('event_keys', 'signing_keys') THEN
            EXECUTE format('GRANT SELECT ON %s TO nightjar_reporter', o.name);
        END IF;
    END LOOP;
    -- No default privileges but for workers: what is made later is not sealed before this is called again.
    IF to_regnamespace('nightjar_report') IS NOT NULL THEN
        FOREACH member IN ARRAY ARRAY['nightjar_worker', 'nightjar_tenant', 'nightjar_reporter'] LOOP
            CONTINUE WHEN member = ANY (missing);
            EXECUTE format('GRANT USAGE ON SCHEMA nightjar_report TO %I', member);
        END LOOP;
        IF 'nightjar_worker' <> ALL (missing) THEN
            ALTER DEFAULT PRIVILEGES IN SCHEMA nightjar_report GRANT SELECT ON TABLES TO nightjar_worker;
            IF to_regprocedure('nightjar_report.roll_up(int)') IS NOT NULL THEN
                GRANT EXECUTE ON FUNCTION nightjar_report.roll_up(int) TO nightjar_worker;
            END IF;
        END IF;
    END IF;
    RETURN missing;
END $$;

INSERT INTO nightjar.rights (kind, name) VALUES ('inner', 'take_shared_runs'), ('open', 'key_prefix');

SELECT nightjar.seal();

INSERT INTO nightjar.migrations (version, name) VALUES (27, 'shared_apps');
