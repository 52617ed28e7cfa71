-- Nightjar 0022: tenants are made, limited, suspended and deleted; roles, and row-level security between tenants.
--
-- Who may do what is in docs/tenants.md. The owner of the schema, whose rights all functions of ours have that are SECURITY
-- DEFINER, is not subject to row-level security, and so pays nothing for it.
SET LOCAL client_min_messages = warning;

-- In the order in which an inserted event takes them, all at once: else this and an insert could wait for each other.
LOCK TABLE nightjar.events, nightjar.runs, nightjar.live, nightjar.waits, nightjar.match_paths, nightjar.pending,
    nightjar.match_log, nightjar.steps, nightjar.attempts, nightjar.outcomes IN ACCESS EXCLUSIVE MODE;

-- ---------------------------------------------------------------------------------------------------------------------
-- What there is to know of a tenant
-- ---------------------------------------------------------------------------------------------------------------------

ALTER TABLE nightjar.tenants
    ADD COLUMN state smallint NOT NULL DEFAULT 1,       -- 1 active, 2 suspended, 3 being deleted, 4 deleted
    ADD COLUMN reason text,                             -- of the suspension
    ADD COLUMN changed_at timestamptz NOT NULL DEFAULT now(),
    -- Limits; null: none.
    ADD COLUMN max_live_runs         int CHECK (max_live_runs >= 0),
    ADD COLUMN max_events_per_second int CHECK (max_events_per_second BETWEEN 1 AND 1000000),
    ADD COLUMN max_event_bytes       int CHECK (max_event_bytes >= 2),
    ADD COLUMN max_output_bytes      int CHECK (max_output_bytes >= 2),
    -- Events are looked at more closely.
    ADD COLUMN guarded boolean GENERATED ALWAYS AS (state <> 1 OR max_live_runs IS NOT NULL OR max_events_per_second IS NOT NULL
                                                    OR max_event_bytes IS NOT NULL) STORED,
    -- The move of its runs out of the queues, or back, that is under way: since which transaction, and the transactions of
    -- before that may still put runs into the old place. Null: none is.
    ADD COLUMN moved_since xid8,
    ADD COLUMN waits_for   text[],
    -- How far the deletion has come.
    ADD COLUMN cursor jsonb;
CREATE INDEX tenants_guarded ON nightjar.tenants (tenant_id) WHERE guarded;

-- How many unfinished runs a tenant with a limit had when somebody last counted.
CREATE TABLE nightjar.tenant_usage (
    tenant_id  int NOT NULL PRIMARY KEY,
    live_runs  int NOT NULL,
    counted_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 200);

-- Database roles that act for one tenant, whatever they set. By name: a dump that is restored where one of them is missing would
-- lose the bonds of all others, were these regrole. A role that is renamed has to be bound again.
CREATE TABLE nightjar.role_tenants (
    role      name NOT NULL PRIMARY KEY,
    tenant_id int NOT NULL,
    bound_at  timestamptz NOT NULL DEFAULT now()
);

-- ---------------------------------------------------------------------------------------------------------------------
-- The tenant of a connection
-- ---------------------------------------------------------------------------------------------------------------------

-- The number of a tenant, by its name or by its number as text.
CREATE FUNCTION nightjar.tenant_number(name text) RETURNS int
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    number int;
BEGIN
    IF tenant_number.name ~ '^[0-9]{1,9}$' THEN
        SELECT t.tenant_id INTO number FROM nightjar.tenants t WHERE t.tenant_id = tenant_number.name::int;
    ELSE
        SELECT t.tenant_id INTO number FROM nightjar.tenants t WHERE t.name = tenant_number.name;
    END IF;
    -- Whoever is bound does not learn who else there is.
    IF number IS NULL OR number <> nightjar.bound_tenant() THEN
        RAISE EXCEPTION 'there is no tenant "%"', name
            USING ERRCODE = 'undefined_object', HINT = 'Make it with nightjar.create_tenant, or "nightjar tenant create".';
    END IF;
    RETURN number;
END $$;

-- The tenant that this session is bound to, null if it is not: by the role that logged in, else by the role that it has set,
-- else by the one whose function is being executed; by that role itself, else by one whose rights it has.
-- Not SECURITY DEFINER: it asks who the caller is. Of role_tenants a caller sees the rows of roles that it is a member of.
-- Indexes: role_tenants_pkey, pg_authid_rolname_index, pg_auth_members_member_role_index.
CREATE FUNCTION nightjar.bound_tenant() RETURNS int
LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- Inside a function that is SECURITY DEFINER, current_user is its owner, and this still the role that was set.
    chosen constant text := current_setting('role');
    who name;
    bound int[];
BEGIN
    -- Of others' bonds a caller sees nothing. 50 µs become 6.
    IF NOT EXISTS (SELECT FROM nightjar.role_tenants) THEN
        RETURN NULL;
    END IF;
    FOREACH who IN ARRAY ARRAY[session_user, CASE WHEN chosen <> 'none' THEN chosen::name END,
                               CASE WHEN current_user <> session_user THEN current_user END] LOOP
        CONTINUE WHEN who IS NULL;
        SELECT ARRAY[b.tenant_id] INTO bound FROM nightjar.role_tenants b WHERE b.role = who;
        IF NOT FOUND THEN
            WITH RECURSIVE groups (role) AS (
                SELECT m.roleid FROM pg_auth_members m WHERE m.member = quote_ident(who)::regrole
                UNION
                SELECT m.roleid FROM groups g JOIN pg_auth_members m ON m.member = g.role)
            SELECT array_agg(DISTINCT b.tenant_id) INTO bound
            FROM groups g JOIN nightjar.role_tenants b ON b.role = pg_get_userbyid(g.role)
            WHERE pg_has_role(who, g.role, 'USAGE');
        END IF;
        IF cardinality(bound) > 1 THEN
            RAISE EXCEPTION 'role "%" is a member of roles of % tenants', who, cardinality(bound)
                USING ERRCODE = 'insufficient_privilege', HINT = 'Bind it to one of them with nightjar.bind_role.';
        ELSIF cardinality(bound) = 1 THEN
            RETURN bound[1];
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- The tenant that this session acts for: the one that its role is bound to; else the setting nightjar.tenant, a number or a
-- name; else the default tenant.
--
-- Who may change `live` needs no bond, and is not asked for one: it costs 0.5 µs instead of 10, for each event.
-- Not SECURITY DEFINER, and without a search_path of its own, which would cost another microsecond. So everything here is
-- qualified, operators too: else a caller could put his own in their place.
CREATE OR REPLACE FUNCTION nightjar.current_tenant() RETURNS int LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    setting constant text := pg_catalog.current_setting('nightjar.tenant', true);
    bound int;
BEGIN
    IF NOT (pg_catalog.current_setting('role') OPERATOR(pg_catalog.=) 'none'
            AND pg_catalog.has_table_privilege(session_user, 'nightjar.live'::pg_catalog.regclass, 'UPDATE')
            AND pg_catalog.has_table_privilege('nightjar.live'::pg_catalog.regclass, 'UPDATE')) THEN
        bound := nightjar.bound_tenant();
        IF bound IS NOT NULL THEN
            RETURN bound;
        END IF;
    END IF;
    IF setting IS NULL OR setting OPERATOR(pg_catalog.=) '' THEN
        RETURN 1;
    ELSIF pg_catalog.translate(setting, '0123456789', '') OPERATOR(pg_catalog.=) '' THEN
        RETURN setting::pg_catalog.int4;
    END IF;
    RETURN nightjar.tenant_number(setting);
END $$;

-- Binds a database role to a tenant, or, without one, lets it go. Those who log in as it, and those who have its rights, act for
-- that tenant and no other.
CREATE FUNCTION nightjar.bind_role(role text, tenant text) RETURNS void
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

-- ---------------------------------------------------------------------------------------------------------------------
-- Make, change
-- ---------------------------------------------------------------------------------------------------------------------

-- A tenant that may be changed, locked until the transaction's end; by name or number.
CREATE FUNCTION nightjar.lock_tenant(name text) RETURNS nightjar.tenants
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t nightjar.tenants;
BEGIN
    SELECT g.* INTO STRICT t FROM nightjar.tenants g WHERE g.tenant_id = nightjar.tenant_number(lock_tenant.name) FOR UPDATE;
    RETURN t;
END $$;

-- Refuses names that could not be told from numbers, or not be shown.
CREATE FUNCTION nightjar.check_tenant_name(name text) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF name IS NULL OR length(name) NOT BETWEEN 1 AND 255 OR name ~ '[[:cntrl:]]' OR name <> btrim(name)
       OR name ~ '^(deleted )?[0-9]+$' THEN
        RAISE EXCEPTION 'a tenant cannot be called "%"', coalesce(name, '')
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'A name has 1 to 255 characters, no control characters, no blanks around it, and not digits alone or behind "deleted".';
    END IF;
END $$;

-- Makes a tenant; answers its number. `limits` as in nightjar.set_tenant.
CREATE FUNCTION nightjar.create_tenant(name text, limits jsonb DEFAULT '{}') RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    number int;
BEGIN
    PERFORM nightjar.check_tenant_name(name);
    INSERT INTO nightjar.tenants AS t (name) VALUES (name) ON CONFLICT DO NOTHING RETURNING t.tenant_id INTO number;
    IF number IS NULL THEN
        RAISE EXCEPTION 'there is a tenant "%" already', name
            USING ERRCODE = 'duplicate_object', HINT = 'Choose another name, or change it with nightjar.set_tenant.';
    END IF;
    PERFORM nightjar.set_tenant(name, limits);
    RETURN number;
END $$;

-- Changes a tenant: {"name", "max_live_runs", "max_events_per_second", "max_event_bytes", "max_output_bytes"}, of which those
-- count that are there; null takes a limit away.
-- Locks: the tenant's row; when the first limit for outputs is set, the logs of steps and outcomes for a moment. It gives up
-- after a second: whatever wants to write there waits behind it.
CREATE FUNCTION nightjar.set_tenant(name text, change jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    limits constant text[] := ARRAY['max_live_runs', 'max_events_per_second', 'max_event_bytes', 'max_output_bytes'];
    t nightjar.tenants;
    e record;
BEGIN
    t := nightjar.lock_tenant(name);
    IF t.state >= 3 THEN
        RAISE EXCEPTION 'tenant "%" is being deleted', t.name USING ERRCODE = 'NJ002';
    ELSIF jsonb_typeof(change) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'the change of a tenant is a JSON object' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Such as {"max_live_runs": 1000}.';
    END IF;
    FOR e IN SELECT c.key, c.value FROM jsonb_each(change) c LOOP
        IF e.key = 'name' AND jsonb_typeof(e.value) = 'string' THEN
            PERFORM nightjar.check_tenant_name(e.value #>> '{}');
            IF EXISTS (SELECT FROM nightjar.tenants o WHERE o.name = e.value #>> '{}' AND o.tenant_id <> t.tenant_id) THEN
                RAISE EXCEPTION 'there is a tenant "%" already', e.value #>> '{}' USING ERRCODE = 'duplicate_object',
                    HINT = 'Choose another name.';
            END IF;
        ELSIF e.key <> ALL (limits) THEN
            RAISE EXCEPTION 'a tenant has no "%" to be set', e.key
                USING ERRCODE = 'invalid_parameter_value', HINT = 'It has name, ' || array_to_string(limits, ', ') || '.';
        ELSIF NOT (jsonb_typeof(e.value) = 'null'
                   OR jsonb_typeof(e.value) = 'number' AND (e.value #>> '{}')::numeric % 1 = 0
                      AND (e.value #>> '{}')::numeric BETWEEN CASE e.key WHEN 'max_live_runs' THEN 0
                                                                         WHEN 'max_events_per_second' THEN 1 ELSE 2 END
                          AND CASE e.key WHEN 'max_events_per_second' THEN 1000000 ELSE 2147483647 END) THEN
            RAISE EXCEPTION '% cannot be %', e.key, e.value
                USING ERRCODE = 'invalid_parameter_value',
                      HINT = 'It is a whole number'
                             || CASE e.key WHEN 'max_events_per_second' THEN ' from 1 to 1000000' ELSE '' END || ', or null for no limit.';
        END IF;
    END LOOP;
    UPDATE nightjar.tenants g
    SET name = coalesce(change ->> 'name', g.name), changed_at = now(),
        max_live_runs = CASE WHEN change ? limits[1] THEN (change ->> limits[1])::int ELSE g.max_live_runs END,
        max_events_per_second = CASE WHEN change ? limits[2] THEN (change ->> limits[2])::int ELSE g.max_events_per_second END,
        max_event_bytes = CASE WHEN change ? limits[3] THEN (change ->> limits[3])::int ELSE g.max_event_bytes END,
        max_output_bytes = CASE WHEN change ? limits[4] THEN (change ->> limits[4])::int ELSE g.max_output_bytes END
    WHERE g.tenant_id = t.tenant_id AND change <> '{}'
    RETURNING g.* INTO t;
    IF t.max_events_per_second IS NOT NULL THEN
        EXECUTE format('CREATE UNLOGGED SEQUENCE IF NOT EXISTS nightjar.%I MINVALUE 0 START 0', 'rate_' || t.tenant_id);
        IF change ? limits[2] THEN      -- what was used up under the old rate is forgiven
            PERFORM setval(format('nightjar.%I', 'rate_' || t.tenant_id)::regclass, 0);
        END IF;
    END IF;
    IF t.max_output_bytes IS NOT NULL
       AND EXISTS (SELECT FROM pg_trigger g WHERE g.tgname = 'output_limit' AND g.tgenabled = 'D'
                     AND g.tgrelid IN ('nightjar.steps'::regclass, 'nightjar.outcomes'::regclass)) THEN
        ALTER TABLE nightjar.steps ENABLE TRIGGER output_limit;
        ALTER TABLE nightjar.outcomes ENABLE TRIGGER output_limit;
    END IF;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Limits
-- ---------------------------------------------------------------------------------------------------------------------

-- How many unfinished runs a tenant has, counted up to `most`: at most a second old, but for what open transactions have begun.
-- Nobody waits for anybody: one transaction at a time writes down what it has counted; one of a stricter isolation does not,
-- since a row that changed meanwhile would be an error for the sender.
-- Indexes: tenant_usage_pkey, apps_tenant_id_name_key, live_ready, live_back, live_due, live_session.
CREATE FUNCTION nightjar.count_live(tenant int, most int) RETURNS int
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
        SELECT FROM (SELECT a.app_id FROM nightjar.apps a WHERE a.tenant_id = tenant) a
        CROSS JOIN LATERAL (
            SELECT FROM nightjar.live l WHERE l.queue = a.app_id AND l.state = 0 AND l.epoch = 0 AND l.tenant_id = tenant
            UNION ALL
            SELECT FROM nightjar.live l WHERE l.queue = a.app_id AND l.state = 0 AND l.epoch > 0 AND l.tenant_id = tenant
            UNION ALL
            SELECT FROM nightjar.live l WHERE l.queue = a.app_id AND l.due_at IS NOT NULL AND l.tenant_id = tenant
            UNION ALL
            SELECT FROM nightjar.sessions s
            CROSS JOIN LATERAL (SELECT FROM nightjar.live l
                                WHERE l.session_id = s.session_id AND l.state = 1 AND l.queue = a.app_id AND l.tenant_id = tenant) l) l
        LIMIT most) l;
    IF current_setting('transaction_isolation') = 'read committed'
       AND pg_try_advisory_xact_lock(1852403046, tenant) THEN       -- no other lock has it
        INSERT INTO nightjar.tenant_usage AS u (tenant_id, live_runs, counted_at) VALUES (tenant, found, clock_timestamp())
        ON CONFLICT (tenant_id) DO UPDATE SET live_runs = excluded.live_runs, counted_at = excluded.counted_at;
    END IF;
    RETURN found;
END $$;

-- After how many seconds a tenant may send again. A sequence holds the time, in microseconds, up to which it has used up its
-- rate: nobody holds a lock on it until the end of his transaction.
CREATE FUNCTION nightjar.rate_pause(tenant int) RETURNS float8
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN greatest(0, pg_sequence_last_value(to_regclass(format('nightjar.%I', 'rate_' || tenant))) / 1e6
                       - extract(epoch FROM clock_timestamp()));
END $$;

-- Counts events of a tenant, whatever becomes of their transaction. Two that read the sequence in the same microseconds may be
-- counted as one. What was not used for a second is lost: so much may come at once.
CREATE FUNCTION nightjar.count_events(tenant int, rate int, count bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    second constant bigint := 1000000;
    now_is constant bigint := (extract(epoch FROM clock_timestamp()) * second)::bigint;
    counter constant regclass := to_regclass(format('nightjar.%I', 'rate_' || tenant));
BEGIN
    IF counter IS NOT NULL THEN
        PERFORM setval(counter, greatest(coalesce(pg_sequence_last_value(counter), 0), now_is - second)
                                + greatest(1, count * second / rate));
    END IF;
END $$;

-- Refuses events of tenants that are suspended, deleted, or at a limit; nothing of them is stored then. Comes before `ingest`,
-- by its name. Events of Nightjar's own are not refused, since the end of a run depends on them; nor are those that a step of a
-- run sends, but for their size: a worker says so by the setting nightjar.worker, and only who may change `live` is believed.
-- Indexes: tenants_guarded, tenants_pkey.
CREATE FUNCTION nightjar.guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    g record;
    pause float8;
    large int;
    large_name text;
    own boolean;
    limited int[] := '{}';
    rates int[] := '{}';
    counts bigint[] := '{}';
BEGIN
    IF NOT EXISTS (SELECT FROM nightjar.tenants t WHERE t.guarded) THEN
        RETURN NULL;
    END IF;
    own := coalesce(current_setting('nightjar.worker', true), '') <> ''
           AND has_table_privilege(session_user, 'nightjar.live'::regclass, 'UPDATE');
    FOR g IN SELECT t.*, n.count FROM (
                 SELECT n.tenant_id, count(*) AS count FROM inserted n
                 WHERE NOT starts_with(lower(n.name), 'inngest/')
                    OR n.name = 'inngest/function.invoked' AND NOT n.data #> '{_nightjar}' ? 'parent'
                 GROUP BY n.tenant_id) n
             CROSS JOIN LATERAL (SELECT t.* FROM nightjar.tenants t WHERE t.tenant_id = n.tenant_id AND t.guarded OFFSET 0) t
             ORDER BY t.tenant_id LOOP
        IF g.state >= 3 THEN
            RAISE EXCEPTION 'tenant "%" is deleted: it takes no events', g.name USING ERRCODE = 'NJ002';
        END IF;
        IF NOT own AND g.state = 2 THEN
            RAISE EXCEPTION 'tenant "%" is suspended: it takes no events%', g.name, coalesce(' (' || g.reason || ')', '')
                USING ERRCODE = 'NJ001', HINT = 'Send them again when it is resumed, with nightjar.resume_tenant.';
        END IF;
        IF g.max_event_bytes IS NOT NULL THEN
            SELECT s.size, s.name INTO large, large_name
            FROM (SELECT n.name, octet_length(n.data::text) + coalesce(octet_length(n."user"::text), 0) AS size FROM inserted n
                  WHERE n.tenant_id = g.tenant_id AND NOT starts_with(lower(n.name), 'inngest/')) s
            ORDER BY s.size DESC LIMIT 1;
            IF large > g.max_event_bytes THEN
                RAISE EXCEPTION 'event "%" has % bytes; tenant "%" may send %', large_name, large, g.name, g.max_event_bytes
                    USING ERRCODE = 'NJ004', HINT = 'Send what is large by reference.';
            END IF;
        END IF;
        CONTINUE WHEN own;
        IF g.max_live_runs IS NOT NULL AND nightjar.count_live(g.tenant_id, g.max_live_runs) >= g.max_live_runs THEN
            RAISE EXCEPTION 'tenant "%" has % unfinished runs, as many as it may', g.name, g.max_live_runs
                USING ERRCODE = 'NJ003', HINT = 'Send the event again when some have ended, or cancel some.';
        END IF;
        IF g.max_events_per_second IS NOT NULL THEN
            pause := nightjar.rate_pause(g.tenant_id);
            IF pause > 0 THEN
                RAISE EXCEPTION 'tenant "%" sends more than % events a second', g.name, g.max_events_per_second
                    USING ERRCODE = 'NJ003', HINT = format('Send them again in %s s.', ceil(pause));
            END IF;
            limited := limited || g.tenant_id;
            rates := rates || g.max_events_per_second;
            counts := counts || g.count;
        END IF;
    END LOOP;
    -- Only when all may pass: else the tenants that share a statement would pay for each other's refusals.
    FOR i IN 1 .. cardinality(limited) LOOP
        PERFORM nightjar.count_events(limited[i], rates[i], counts[i]);
    END LOOP;
    RETURN NULL;
END $$;
-- Asked only once there has been such a tenant: from then on there is the sequence limits_in_use. Looking up its name costs
-- 1.5 µs, where asking the table costs 4, of the 45 to 85 that a statement of one event takes. A trigger that is enabled when it
-- is needed would have to wait for all open transactions that have sent something.
CREATE TRIGGER guard AFTER INSERT ON nightjar.events
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT
    WHEN (to_regclass('nightjar.limits_in_use') IS NOT NULL) EXECUTE FUNCTION nightjar.guard();

CREATE FUNCTION nightjar.tenant_changed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_regclass('nightjar.limits_in_use') IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtext('nightjar.limits_in_use'));
        CREATE SEQUENCE IF NOT EXISTS nightjar.limits_in_use;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tenant_changed AFTER INSERT OR UPDATE ON nightjar.tenants
    FOR EACH ROW WHEN (NEW.guarded) EXECUTE FUNCTION nightjar.tenant_changed();

-- Refuses outputs that are larger than their tenant may have: the run that made it fails. Disabled until there is such a limit.
-- Index: tenants_pkey.
CREATE FUNCTION nightjar.limit_outputs() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    t record;
    large record;
BEGIN
    FOR t IN SELECT g.tenant_id, g.name, g.max_output_bytes FROM (SELECT DISTINCT n.tenant_id FROM inserted n) n
             CROSS JOIN LATERAL (SELECT g.* FROM nightjar.tenants g
                                 WHERE g.tenant_id = n.tenant_id AND g.max_output_bytes IS NOT NULL OFFSET 0) g LOOP
        SELECT n.run_id, octet_length(n.output::text) AS size INTO large FROM inserted n
        WHERE n.tenant_id = t.tenant_id AND octet_length(n.output::text) > t.max_output_bytes LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION '% of run % has % bytes; tenant "%" may record %',
                CASE TG_TABLE_NAME WHEN 'outcomes' THEN 'the output' ELSE 'the output of a step' END, large.run_id, large.size,
                t.name, t.max_output_bytes
                USING ERRCODE = 'NJ004', HINT = 'Keep what is large elsewhere, and return a reference.';
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER output_limit AFTER INSERT ON nightjar.steps
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION nightjar.limit_outputs();
CREATE TRIGGER output_limit AFTER INSERT ON nightjar.outcomes
    REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION nightjar.limit_outputs();
ALTER TABLE nightjar.steps DISABLE TRIGGER output_limit;
ALTER TABLE nightjar.outcomes DISABLE TRIGGER output_limit;

-- ---------------------------------------------------------------------------------------------------------------------
-- Suspend, resume
-- ---------------------------------------------------------------------------------------------------------------------
--
-- No worker claims from a queue with a negative number. A suspended tenant's functions have such queues, so new runs begin
-- there; and the runs that it has are moved there, those that a worker executes as well, which come to rest there. Nothing
-- else of them changes: they are cancelled, answered and time out as ever.
--
-- A transaction that was open when the functions' queues changed may still put a run into the old queue. So the last look comes
-- after all those have ended.

-- As in 0007, but for the last line.
-- Locks: advisory (transaction, per tenant); then rows of the small identity tables, if something changed.
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
        SET options = entry -> 'options', changed_at = now(),
            start_within = (entry #>> '{options,start_timeout_ms}')::float8 * interval '1 ms',
            finish_within = (entry #>> '{options,finish_timeout_ms}')::float8 * interval '1 ms'
        WHERE f.app_id = the_app AND f.name = entry ->> 'name' AND f.options IS DISTINCT FROM entry -> 'options';
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

    -- Of a suspended tenant too: its workers must not claim from where the runs rest.
    RETURN QUERY SELECT f.name, f.function_id, abs(f.queue) FROM nightjar.functions f WHERE f.app_id = the_app;
END $$;

-- Apps and functions that come while their tenant is suspended, or after it was deleted.
CREATE FUNCTION nightjar.identity_added() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t nightjar.tenants;
BEGIN
    -- Waits for a suspension's call. One that comes before the suspension is found by it: see nightjar.advance_move.
    SELECT g.* INTO t FROM nightjar.tenants g WHERE g.tenant_id = NEW.tenant_id AND g.guarded FOR SHARE;
    IF t.state >= 3 THEN
        RAISE EXCEPTION 'tenant "%" is deleted: it takes no functions', t.name USING ERRCODE = 'NJ002';
    ELSIF t.state = 2 AND TG_TABLE_NAME = 'functions' THEN
        NEW.queue := -abs(NEW.queue);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER identity_added BEFORE INSERT ON nightjar.apps FOR EACH ROW EXECUTE FUNCTION nightjar.identity_added();
CREATE TRIGGER identity_added BEFORE INSERT ON nightjar.functions FOR EACH ROW EXECUTE FUNCTION nightjar.identity_added();
CREATE TRIGGER identity_added BEFORE INSERT ON nightjar.function_triggers FOR EACH ROW EXECUTE FUNCTION nightjar.identity_added();

-- Up to `most` unfinished runs of a tenant in its queues or, if `away`, in those beside them; locked, unless somebody else has
-- them. Whatever its state, an index over its queue or its session has it.
-- Locks: live, SKIP LOCKED. Indexes: apps_tenant_id_name_key, live_ready, live_back, live_due, live_session.
CREATE FUNCTION nightjar.take_runs(tenant int, away boolean, most int) RETURNS uuid[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    ids uuid[] := '{}';
    sign constant int := CASE WHEN away THEN -1 ELSE 1 END;
BEGIN
    SELECT ids || array_agg(r.run_id) INTO ids FROM (
        SELECT l.run_id FROM (SELECT a.app_id FROM nightjar.apps a WHERE a.tenant_id = tenant) a
        CROSS JOIN LATERAL (SELECT l.run_id FROM nightjar.live l
                            WHERE l.queue = sign * a.app_id AND l.state = 0 AND l.epoch = 0 AND l.tenant_id = tenant
                            ORDER BY l.pass, l.run_id LIMIT most FOR UPDATE SKIP LOCKED) l
        LIMIT most) r;
    SELECT ids || array_agg(r.run_id) INTO ids FROM (
        SELECT l.run_id FROM (SELECT a.app_id FROM nightjar.apps a WHERE a.tenant_id = tenant) a
        CROSS JOIN LATERAL (SELECT l.run_id FROM nightjar.live l
                            WHERE l.queue = sign * a.app_id AND l.state = 0 AND l.epoch > 0 AND l.tenant_id = tenant
                            ORDER BY l.pass, l.run_id LIMIT most FOR UPDATE SKIP LOCKED) l
        LIMIT most - cardinality(ids)) r;
    SELECT ids || array_agg(r.run_id) INTO ids FROM (
        SELECT l.run_id FROM (SELECT a.app_id FROM nightjar.apps a WHERE a.tenant_id = tenant) a
        CROSS JOIN LATERAL (SELECT l.run_id FROM nightjar.live l
                            WHERE l.queue = sign * a.app_id AND l.due_at IS NOT NULL AND l.tenant_id = tenant
                            ORDER BY l.due_at, l.run_id LIMIT most FOR UPDATE SKIP LOCKED) l
        LIMIT most - cardinality(ids)) r;
    SELECT ids || array_agg(r.run_id) INTO ids FROM (
        SELECT l.run_id
        FROM (SELECT s.session_id, a.app_id FROM nightjar.sessions s CROSS JOIN nightjar.apps a WHERE a.tenant_id = tenant) s
        CROSS JOIN LATERAL (SELECT l.run_id FROM nightjar.live l
                            WHERE l.session_id = s.session_id AND l.state = 1 AND l.queue = sign * s.app_id AND l.tenant_id = tenant
                            ORDER BY l.run_id LIMIT most FOR UPDATE SKIP LOCKED) l
        LIMIT most - cardinality(ids)) r;
    RETURN ids;
END $$;

-- Whether a tenant has unfinished runs there, locked or not. Indexes: as take_runs.
CREATE FUNCTION nightjar.has_runs(tenant int, away boolean) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    sign constant int := CASE WHEN away THEN -1 ELSE 1 END;
BEGIN
    RETURN EXISTS (
        SELECT FROM (SELECT a.app_id FROM nightjar.apps a WHERE a.tenant_id = tenant) a
        CROSS JOIN LATERAL (
            SELECT FROM nightjar.live l WHERE l.queue = sign * a.app_id AND l.state = 0 AND l.epoch = 0 AND l.tenant_id = tenant
            UNION ALL
            SELECT FROM nightjar.live l WHERE l.queue = sign * a.app_id AND l.state = 0 AND l.epoch > 0 AND l.tenant_id = tenant
            UNION ALL
            SELECT FROM nightjar.live l WHERE l.queue = sign * a.app_id AND l.due_at IS NOT NULL AND l.tenant_id = tenant
            UNION ALL
            SELECT FROM nightjar.sessions s
            CROSS JOIN LATERAL (SELECT FROM nightjar.live l
                                WHERE l.session_id = s.session_id AND l.state = 1 AND l.queue = sign * a.app_id
                                  AND l.tenant_id = tenant) l) l);
END $$;

-- The transactions of this database that are open now, but for this one.
CREATE FUNCTION nightjar.open_transactions() RETURNS text[]
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(array_agg(t.name), '{}') FROM (
        SELECT k.virtualtransaction AS name FROM pg_locks k JOIN pg_stat_activity a ON a.pid = k.pid
        WHERE k.locktype = 'virtualxid' AND k.granted AND k.mode = 'ExclusiveLock' AND k.pid <> pg_backend_pid()
          AND a.datname = current_database() AND coalesce(a.backend_type, '') NOT LIKE 'autovacuum%'
        UNION ALL
        SELECT 'prepared ' || p.gid FROM pg_prepared_xacts p WHERE p.database = current_database()) t
$$;

-- Begins a move of a tenant's runs: where its new ones go from this commit on.
CREATE FUNCTION nightjar.begin_move(tenant int, away boolean) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE nightjar.functions f SET queue = CASE WHEN away THEN -abs(f.queue) ELSE abs(f.queue) END WHERE f.tenant_id = tenant;
    UPDATE nightjar.tenants t SET moved_since = pg_current_xact_id(), waits_for = NULL WHERE t.tenant_id = tenant;
END $$;

-- Which transactions a move still has to wait for; null: its own beginning is not committed yet.
CREATE FUNCTION nightjar.move_waits(t nightjar.tenants) RETURNS text[]
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    still text[];
BEGIN
    IF t.moved_since = pg_current_xact_id() THEN
        RETURN NULL;
    END IF;
    still := nightjar.open_transactions();
    IF t.waits_for IS NOT NULL THEN
        -- One that is prepared goes on under another name: it may be one of them.
        still := ARRAY(SELECT w FROM unnest(still) w WHERE w = ANY (t.waits_for) OR starts_with(w, 'prepared '));
    END IF;
    UPDATE nightjar.tenants g SET waits_for = still WHERE g.tenant_id = t.tenant_id;
    RETURN still;
END $$;

-- Carries a move one chunk further.
CREATE FUNCTION nightjar.advance_move(name text, most int, OUT state text, OUT moved bigint, OUT waits_for text[])
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    t nightjar.tenants := nightjar.lock_tenant(name);
    suspends constant boolean := t.state = 2;
    ids uuid[];
BEGIN
    moved := 0;
    waits_for := '{}';
    -- One that was being registered when the others' queues changed.
    IF t.moved_since IS NOT NULL AND EXISTS (
           SELECT FROM nightjar.functions f WHERE f.tenant_id = t.tenant_id AND (f.queue > 0) = suspends) THEN
        PERFORM nightjar.begin_move(t.tenant_id, suspends);
        t := nightjar.lock_tenant(name);
    END IF;
    IF t.moved_since IS NOT NULL THEN
        -- First this, then the look: what those transactions have left behind is seen.
        waits_for := nightjar.move_waits(t);
        ids := nightjar.take_runs(t.tenant_id, NOT suspends, most);
        UPDATE nightjar.live l SET queue = -l.queue WHERE l.run_id = ANY (ids);
        GET DIAGNOSTICS moved = ROW_COUNT;
        IF NOT suspends AND moved > 0 THEN
            PERFORM nightjar.hint('ready');
        END IF;
        IF moved = 0 AND waits_for = '{}' AND NOT nightjar.has_runs(t.tenant_id, NOT suspends) THEN
            UPDATE nightjar.tenants g SET moved_since = NULL, waits_for = NULL WHERE g.tenant_id = t.tenant_id;
            t.moved_since := NULL;
        END IF;
    END IF;
    state := CASE WHEN t.moved_since IS NULL THEN CASE WHEN suspends THEN 'suspended' ELSE 'active' END
                  ELSE CASE WHEN suspends THEN 'suspending' ELSE 'resuming' END END;
END $$;

-- Suspends a tenant: from this commit on its events are refused and its new runs rest. Its unfinished runs are moved to where
-- no worker claims, up to `most` of them in each call: call it, each time in a transaction of its own, until `state` is
-- "suspended". What a worker executes goes on until it next waits. `waits_for`: transactions that were open before, and may
-- still start runs.
-- Locks: the tenant's row; live, SKIP LOCKED.
CREATE FUNCTION nightjar.suspend_tenant(name text, reason text DEFAULT NULL, most int DEFAULT 1000,
                                        OUT state text, OUT moved bigint, OUT waits_for text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    t nightjar.tenants := nightjar.lock_tenant(name);
BEGIN
    IF t.state >= 3 THEN
        RAISE EXCEPTION 'tenant "%" is being deleted', t.name USING ERRCODE = 'NJ002';
    END IF;
    IF t.state = 1 THEN
        UPDATE nightjar.tenants g SET state = 2, changed_at = now() WHERE g.tenant_id = t.tenant_id;
        PERFORM nightjar.begin_move(t.tenant_id, true);
    END IF;
    UPDATE nightjar.tenants g SET reason = suspend_tenant.reason WHERE g.tenant_id = t.tenant_id AND suspend_tenant.reason IS NOT NULL;
    SELECT a.state, a.moved, a.waits_for INTO state, moved, waits_for FROM nightjar.advance_move(name, most) a;
END $$;

-- Resumes a suspended tenant: from this commit on its events are accepted and its new runs start. The runs that rest are moved
-- back in the same way: call it until `state` is "active".
-- Locks: the tenant's row; live, SKIP LOCKED.
CREATE FUNCTION nightjar.resume_tenant(name text, most int DEFAULT 1000, OUT state text, OUT moved bigint, OUT waits_for text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    t nightjar.tenants := nightjar.lock_tenant(name);
BEGIN
    IF t.state >= 3 THEN
        RAISE EXCEPTION 'tenant "%" is being deleted', t.name USING ERRCODE = 'NJ002';
    END IF;
    IF t.state = 2 THEN
        UPDATE nightjar.tenants g SET state = 1, reason = NULL, changed_at = now() WHERE g.tenant_id = t.tenant_id;
        PERFORM nightjar.begin_move(t.tenant_id, false);
    END IF;
    SELECT a.state, a.moved, a.waits_for INTO state, moved, waits_for FROM nightjar.advance_move(name, most) a;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Delete
-- ---------------------------------------------------------------------------------------------------------------------

-- Deletes of one table what a tenant has, up to `most` rows. Where no index begins with the tenant, this reads the table: for
-- small ones.
CREATE FUNCTION nightjar.delete_rows(of_table regclass, tenant int, most bigint) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part regclass;
    gone bigint;
    total bigint := 0;
BEGIN
    -- Part by part: a row's place is one within its part.
    FOR part IN SELECT p.relid FROM pg_partition_tree(of_table) p WHERE p.isleaf UNION ALL
                SELECT of_table WHERE NOT EXISTS (SELECT FROM pg_partition_tree(of_table)) LOOP
        EXIT WHEN total >= most;
        EXECUTE format('DELETE FROM %s WHERE ctid = ANY (ARRAY(SELECT ctid FROM %s WHERE tenant_id = $1 LIMIT $2))', part, part)
        USING tenant, most - total;
        GET DIAGNOSTICS gone = ROW_COUNT;
        total := total + gone;
    END LOOP;
    RETURN total;
END $$;

-- Deletes a tenant with all that it has: from this commit on it takes no events and no functions, and nothing of it starts. Its
-- unfinished runs end, and workers that execute one are told to stop; what they would record is refused. Then its logs go, and
-- last what it is made of. Each call does one chunk: call it, each time in a transaction of its own, until `stage` is
-- "deleted". What was interrupted goes on from there. The number is never used again; a role that is bound to it stays so.
-- Locks: the tenant's row; live ascending, SKIP LOCKED → open steps → waits; rows of logs that nobody else deletes.
-- Indexes: as take_runs; runs_pkey, steps_pkey, attempts_pkey, outcomes_pkey, events_pkey, match_log_key, idempotency_pkey.
CREATE FUNCTION nightjar.delete_tenant(name text, most int DEFAULT 1000, OUT stage text, OUT deleted bigint, OUT waits_for text[])
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_variable
DECLARE
    t nightjar.tenants := nightjar.lock_tenant(name);
    ids uuid[];
    last uuid;
    e record;
    n bigint;
BEGIN
    deleted := 0;
    waits_for := '{}';
    IF t.tenant_id = 1 THEN
        RAISE EXCEPTION 'the default tenant cannot be deleted: connections that set none act for it'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Suspend it.';
    ELSIF most < 1 THEN
        RAISE EXCEPTION 'a chunk has at least one row' USING ERRCODE = 'invalid_parameter_value';
    ELSIF t.state = 4 THEN
        stage := 'deleted';
        RETURN;
    END IF;

    IF t.state < 3 THEN
        UPDATE nightjar.tenants g SET state = 3, changed_at = now(), cursor = '{"stage": "runs"}' WHERE g.tenant_id = t.tenant_id;
        PERFORM nightjar.begin_move(t.tenant_id, true);
        t := nightjar.lock_tenant(name);
    END IF;

    stage := t.cursor ->> 'stage';
    last := (t.cursor ->> 'after')::uuid;
    IF stage = 'runs' THEN
        -- Each time: one that was being registered may have come since.
        DELETE FROM nightjar.function_triggers f WHERE f.tenant_id = t.tenant_id;
        DELETE FROM nightjar.crons c USING nightjar.functions f WHERE f.function_id = c.function_id AND f.tenant_id = t.tenant_id;
        DELETE FROM nightjar.event_keys k WHERE k.tenant_id = t.tenant_id;
        IF EXISTS (SELECT FROM nightjar.functions f WHERE f.tenant_id = t.tenant_id AND f.queue > 0) THEN
            PERFORM nightjar.begin_move(t.tenant_id, true);
            t := nightjar.lock_tenant(name);
        END IF;
        -- First this, then the look: what those transactions have left behind is seen.
        waits_for := nightjar.move_waits(t);
        ids := nightjar.take_runs(t.tenant_id, false, most);
        ids := ids || nightjar.take_runs(t.tenant_id, true, most);
        FOR e IN SELECT c.run_id, c.session_id FROM nightjar.cancel_runs(ids, array_fill(
                     jsonb_build_object('kind', 'manual', 'actor', session_user, 'reason', 'its tenant is deleted',
                                        'asked_at', clock_timestamp()), ARRAY[cardinality(ids)]), true) c LOOP
            deleted := deleted + 1;
            IF e.session_id IS NOT NULL THEN
                PERFORM pg_notify('nightjar', format('cancelled:%s:%s', e.session_id, e.run_id));
            END IF;
        END LOOP;
        DELETE FROM nightjar.gathered g WHERE g.tenant_id = t.tenant_id;
        IF deleted = 0 AND waits_for = '{}' AND NOT nightjar.has_runs(t.tenant_id, false) AND NOT nightjar.has_runs(t.tenant_id, true) THEN
            UPDATE nightjar.tenants g SET cursor = '{"stage": "logs"}', moved_since = NULL, waits_for = NULL WHERE g.tenant_id = t.tenant_id;
        END IF;

    ELSIF stage = 'logs' THEN
        -- Through the runs of all tenants, in order: an index over the tenant would cost each run something.
        SELECT array_agg(r.run_id ORDER BY r.run_id) FILTER (WHERE r.tenant_id = t.tenant_id),
               CASE WHEN count(*) = most THEN max(r.run_id::text)::uuid END
        INTO ids, last
        FROM (SELECT r.run_id, r.tenant_id FROM nightjar.runs r
              WHERE r.run_id > coalesce(last, '00000000-0000-0000-0000-000000000000') ORDER BY r.run_id LIMIT most) r;
        IF ids IS NOT NULL THEN
            DELETE FROM nightjar.steps s WHERE s.run_id = ANY (ids) AND s.run_id BETWEEN ids[1] AND ids[cardinality(ids)];
            DELETE FROM nightjar.attempts a WHERE a.run_id = ANY (ids) AND a.run_id BETWEEN ids[1] AND ids[cardinality(ids)];
            DELETE FROM nightjar.outcomes o WHERE o.run_id = ANY (ids) AND o.run_id BETWEEN ids[1] AND ids[cardinality(ids)];
            DELETE FROM nightjar.run_events r WHERE r.run_id = ANY (ids);
            DELETE FROM nightjar.interruptions i WHERE i.run_id = ANY (ids);
            DELETE FROM nightjar.newcomers c WHERE c.run_id = ANY (ids);
            DELETE FROM nightjar.runs r WHERE r.run_id = ANY (ids) AND r.run_id BETWEEN ids[1] AND ids[cardinality(ids)];
            GET DIAGNOSTICS deleted = ROW_COUNT;
        END IF;
        UPDATE nightjar.tenants g
        SET cursor = CASE WHEN last IS NULL THEN '{"stage": "events"}' ELSE jsonb_build_object('stage', 'logs', 'after', last) END
        WHERE g.tenant_id = t.tenant_id;

    ELSIF stage = 'events' THEN
        SELECT array_agg(v.event_id ORDER BY v.event_id) FILTER (WHERE v.tenant_id = t.tenant_id),
               CASE WHEN count(*) = most THEN max(v.event_id::text)::uuid END
        INTO ids, last
        FROM (SELECT v.event_id, v.tenant_id FROM nightjar.events v
              WHERE v.event_id > coalesce(last, '00000000-0000-0000-0000-000000000000') ORDER BY v.event_id LIMIT most) v;
        IF ids IS NOT NULL THEN
            DELETE FROM nightjar.events v WHERE v.event_id = ANY (ids) AND v.event_id BETWEEN ids[1] AND ids[cardinality(ids)];
            GET DIAGNOSTICS deleted = ROW_COUNT;
        END IF;
        UPDATE nightjar.tenants g
        SET cursor = CASE WHEN last IS NULL THEN '{"stage": "rest"}' ELSE jsonb_build_object('stage', 'events', 'after', last) END
        WHERE g.tenant_id = t.tenant_id;

    ELSE
        DELETE FROM nightjar.crons c USING nightjar.functions f WHERE f.function_id = c.function_id AND f.tenant_id = t.tenant_id;
        DELETE FROM nightjar.flow_counters c USING nightjar.functions f WHERE f.function_id = c.function_id AND f.tenant_id = t.tenant_id;
        DELETE FROM nightjar.singletons c USING nightjar.functions f WHERE f.function_id = c.function_id AND f.tenant_id = t.tenant_id;
        -- Also tables that are younger than this function; the identity of its functions last.
        FOR e IN SELECT c.oid::regclass AS of_table FROM pg_class c
                 JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
                 WHERE c.relnamespace IN (SELECT s.oid FROM pg_namespace s WHERE s.nspname IN ('nightjar', 'nightjar_report'))
                   AND c.relkind IN ('r', 'p') AND NOT c.relispartition
                   AND c.oid NOT IN ('nightjar.tenants'::regclass, 'nightjar.role_tenants'::regclass, 'nightjar.runs'::regclass,
                                     'nightjar.events'::regclass, 'nightjar.steps'::regclass, 'nightjar.attempts'::regclass,
                                     'nightjar.outcomes'::regclass)
                 ORDER BY c.oid = 'nightjar.functions'::regclass, c.oid LOOP
            CONTINUE WHEN deleted >= most;
            deleted := deleted + nightjar.delete_rows(e.of_table, t.tenant_id, most - deleted);
        END LOOP;
        IF deleted < most THEN
            EXECUTE format('DROP SEQUENCE IF EXISTS nightjar.%I', 'rate_' || t.tenant_id);
            UPDATE nightjar.tenants g
            SET state = 4, name = 'deleted ' || g.tenant_id, reason = NULL, cursor = NULL, changed_at = now(), max_live_runs = NULL,
                max_events_per_second = NULL, max_event_bytes = NULL, max_output_bytes = NULL
            WHERE g.tenant_id = t.tenant_id;
            stage := 'deleted';
        END IF;
    END IF;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Roles, and the seals between tenants
-- ---------------------------------------------------------------------------------------------------------------------

-- Sends one event, answers its id. As in 0003, in PL/pgSQL, which plans once a session; and whoever calls it cannot pretend to
-- be one of our triggers.
CREATE OR REPLACE FUNCTION nightjar.send(name text, data jsonb DEFAULT '{}', id text DEFAULT NULL, ts timestamptz DEFAULT NULL,
                                         "user" jsonb DEFAULT NULL) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    public_id text;
BEGIN
    IF starts_with(lower(send.name), 'inngest/') THEN
        RAISE EXCEPTION 'names of events that begin with "inngest/" are for events that Nightjar itself sends'
            USING ERRCODE = 'check_violation', HINT = 'Choose another name.';
    END IF;
    INSERT INTO nightjar.events AS e (name, data, id, ts, "user")
    VALUES (send.name, send.data, send.id, coalesce(send.ts, clock_timestamp()), send."user")
    RETURNING coalesce(e.id, e.event_id::text) INTO public_id;
    RETURN public_id;
END $$;

-- A caller sees the bonds of roles that he is a member of: what nightjar.bound_tenant needs.
ALTER TABLE nightjar.role_tenants ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON nightjar.role_tenants FOR SELECT
    USING (CASE WHEN to_regrole(quote_ident(role)) IS NOT NULL       -- else it is an error to ask
                THEN pg_has_role(session_user, role, 'MEMBER') OR pg_has_role(current_user, role, 'MEMBER') ELSE false END);
GRANT SELECT ON nightjar.role_tenants TO PUBLIC;

-- Nightjar's own events come from triggers, with the owner's rights. What is refused is told the policy's name.
CREATE POLICY "names that begin with inngest/ are for Nightjar itself" ON nightjar.events AS RESTRICTIVE FOR INSERT
    WITH CHECK (NOT starts_with(lower(name), 'inngest/'));

-- Makes the four roles where they are missing, gives them what they need, and puts every table of ours under row-level security.
-- What is done is not done again: it may be called at any time, by the owner of the schema. A migration that adds a table or a
-- function calls it at its end. Answers the roles that are missing because this user may not make roles; everything else works,
-- and once somebody has made them this is to be called again.
--
-- Three policies a table. Anybody: rows of his own tenant. Workers: all. Those who report: all, or, if bound, their tenant's.
-- A table of which none of this can be said has rows for workers only.
-- Locks: tables that have no policies yet, ACCESS EXCLUSIVE.
CREATE FUNCTION nightjar.seal() RETURNS text[] LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- What only who manages tenants may call, and what only our own functions call.
    managing constant text[] := ARRAY['create_tenant', 'set_tenant', 'suspend_tenant', 'resume_tenant', 'delete_tenant', 'bind_role'];
    inner_ones constant text[] := ARRAY['seal', 'lock_tenant', 'begin_move', 'move_waits', 'advance_move', 'take_runs', 'delete_rows',
                                        'rate_pause', 'count_events', 'count_live'];
    open_ones constant text[] := ARRAY['uuid7', 'uuid7_floor', 'uuid7_time', 'ulid', 'function_uuid', 'app_uuid', 'current_tenant',
                                       'bound_tenant', 'tenant_number', 'send_hints'];
    tenant_tables constant text[] := ARRAY['tenants', 'apps', 'functions', 'function_triggers', 'cancel_policies', 'events', 'runs',
                                           'live', 'waits', 'steps', 'open_steps', 'attempts', 'outcomes', 'interruptions', 'sessions',
                                           'run_events', 'gathered', 'bulk_cancels', 'idempotency', 'migrations',
                                           'run_status', 'cancellations', 'run_rollups', 'step_rollups', 'event_rollups',
                                           'rollup_progress'];
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
                      WHEN o.relname = 'sessions' THEN 'queue IN (SELECT a.app_id FROM nightjar.apps a)'
                      WHEN o.relname IN ('flow_counters', 'singletons', 'crons')
                      THEN 'function_id IN (SELECT f.function_id FROM nightjar.functions f)'
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
                                ELSE scope END);
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
        IF 'nightjar_reporter' <> ALL (missing) AND o.relname <> 'event_keys' THEN
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

SELECT nightjar.seal();

INSERT INTO nightjar.migrations (version, name) VALUES (22, 'tenants');
