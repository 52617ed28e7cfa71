-- Nightjar 0014: remote apps, which are called over HTTP, and the keys of those who send events over HTTP.
SET LOCAL client_min_messages = warning;

ALTER TABLE nightjar.apps
    ADD COLUMN url         text,            -- remote: where it is called
    ADD COLUMN sdk         text,            -- what it says it is, such as "py:v0.5.19"
    ADD COLUMN framework   text,
    ADD COLUMN version     text,
    ADD COLUMN checksum    text,            -- of what it last registered
    ADD COLUMN sync_id     uuid,            -- of the last sync that changed anything
    ADD COLUMN synced_at   timestamptz;     -- the last sync
ALTER TABLE nightjar.functions
    ADD COLUMN title       text,            -- its name for people
    ADD COLUMN url         text,            -- remote: where this function is called
    ADD COLUMN config      jsonb,           -- remote: as its app registered it
    ADD COLUMN archived_at timestamptz;     -- it vanished from a sync: nothing starts it, its runs go on

CREATE TABLE nightjar.event_keys (
    key_id     int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  int NOT NULL DEFAULT nightjar.current_tenant(),
    name       text NOT NULL,
    hash       bytea NOT NULL UNIQUE,       -- SHA-256 of the key; the key itself is nowhere
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    UNIQUE (tenant_id, name)
);

-- The UUID under which remote apps know an app.
CREATE FUNCTION nightjar.app_uuid(app_id int) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT md5('nightjar.app.' || app_id)::uuid
$$;

-- Takes what a remote app says it is. What is unchanged is not written; what is missing is put right. Functions that the
-- app no longer names are archived: nothing starts them, and their runs go on.
--
-- `app`: {"name", "url", "sdk", "framework", "version", "checksum",
--         "functions": [what nightjar.register takes, and "title", "url", "config", "flow",
--         "crons": [{"cron", "jitter_ms"}]]}
-- Locks: advisory (transaction, per tenant); then rows of the small identity tables, if something changed.
CREATE FUNCTION nightjar.sync(app jsonb) RETURNS TABLE (modified boolean, app_id int, sync_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    tenant constant int := nightjar.current_tenant();
    the_app nightjar.apps;
    changed boolean;
    count int;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('nightjar.register'), tenant);
    SELECT a.* INTO the_app FROM nightjar.apps a WHERE a.tenant_id = tenant AND a.name = sync.app ->> 'name';
    IF the_app.kind = 1 THEN
        RAISE EXCEPTION 'app "%" is a native one: its functions are code in workers', sync.app ->> 'name'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the remote app another id.';
    END IF;
    changed := the_app.app_id IS NULL OR the_app.checksum IS DISTINCT FROM sync.app ->> 'checksum';

    PERFORM FROM nightjar.register(sync.app ->> 'name', sync.app -> 'functions', 2::smallint);

    WITH named AS (
        SELECT f.name, f.title, f.url, f.config
        FROM jsonb_to_recordset(sync.app -> 'functions') AS f (name text, title text, url text, config jsonb)
    )
    UPDATE nightjar.functions f SET title = n.title, url = n.url, config = n.config, archived_at = NULL
    FROM named n, nightjar.apps a
    WHERE a.tenant_id = tenant AND a.name = sync.app ->> 'name' AND f.app_id = a.app_id AND f.name = n.name
      AND (f.title, f.url, f.config, f.archived_at) IS DISTINCT FROM (n.title, n.url, n.config, NULL::timestamptz);
    GET DIAGNOSTICS count = ROW_COUNT;
    changed := changed OR count > 0;

    -- What its flow control is: see migration 0015.
    WITH named AS (
        SELECT f.name, nullif(f.flow, 'null') AS flow FROM jsonb_to_recordset(sync.app -> 'functions') AS f (name text, flow jsonb)
    ), regulated AS (
        UPDATE nightjar.functions f SET flow = n.flow
        FROM named n, nightjar.apps a
        WHERE a.tenant_id = tenant AND a.name = sync.app ->> 'name' AND f.app_id = a.app_id AND f.name = n.name
          AND f.flow IS DISTINCT FROM n.flow
    )
    UPDATE nightjar.function_triggers t SET gated = n.flow IS NOT NULL
    FROM named n, nightjar.apps a, nightjar.functions f
    WHERE a.tenant_id = tenant AND a.name = sync.app ->> 'name' AND f.app_id = a.app_id AND f.name = n.name
      AND t.function_id = f.function_id AND t.gated <> (n.flow IS NOT NULL);
    GET DIAGNOSTICS count = ROW_COUNT;
    changed := changed OR count > 0;

    WITH named AS (
        SELECT f.function_id, c.cron, coalesce(c.jitter_ms, 0) AS jitter_ms
        FROM jsonb_to_recordset(sync.app -> 'functions') AS n (name text, crons jsonb)
        JOIN nightjar.apps a ON a.tenant_id = tenant AND a.name = sync.app ->> 'name'
        JOIN nightjar.functions f ON f.app_id = a.app_id AND f.name = n.name
        CROSS JOIN LATERAL jsonb_to_recordset(coalesce(nullif(n.crons, 'null'), '[]')) AS c (cron text, jitter_ms bigint)
    ), gone AS (
        DELETE FROM nightjar.crons c USING nightjar.functions f, nightjar.apps a
        WHERE f.function_id = c.function_id AND a.app_id = f.app_id AND a.tenant_id = tenant AND a.name = sync.app ->> 'name'
          AND (c.function_id, c.cron) NOT IN (SELECT n.function_id, n.cron FROM named n)
    )
    INSERT INTO nightjar.crons AS c (function_id, cron, jitter_ms) SELECT n.function_id, n.cron, n.jitter_ms FROM named n
    ON CONFLICT (function_id, cron) DO UPDATE SET jitter_ms = excluded.jitter_ms WHERE c.jitter_ms <> excluded.jitter_ms;
    GET DIAGNOSTICS count = ROW_COUNT;
    changed := changed OR count > 0;

    WITH gone AS (
        UPDATE nightjar.functions f SET archived_at = now()
        FROM nightjar.apps a
        WHERE a.tenant_id = tenant AND a.name = sync.app ->> 'name' AND f.app_id = a.app_id AND f.archived_at IS NULL
          AND f.name NOT IN (SELECT g ->> 'name' FROM jsonb_array_elements(sync.app -> 'functions') g)
        RETURNING f.function_id
    ), silent AS (
        DELETE FROM nightjar.function_triggers t WHERE t.function_id IN (SELECT g.function_id FROM gone g)
    )
    SELECT count(*) INTO count FROM gone;
    changed := changed OR count > 0;

    UPDATE nightjar.apps a
    SET url = sync.app ->> 'url', sdk = sync.app ->> 'sdk', framework = sync.app ->> 'framework',
        version = sync.app ->> 'version', checksum = sync.app ->> 'checksum', synced_at = now(),
        sync_id = CASE WHEN changed THEN gen_random_uuid() ELSE a.sync_id END
    WHERE a.tenant_id = tenant AND a.name = sync.app ->> 'name'
    RETURNING a.* INTO the_app;
    -- Rare. Also when nothing changed: an app that registers is one that can be called.
    PERFORM pg_notify('nightjar_apps', the_app.app_id::text);
    RETURN QUERY SELECT changed, the_app.app_id, the_app.sync_id;
END $$;

-- Starts one function, whatever its triggers are; answers the id of the event that did it, null when there is no such
-- function. `slug` is `<app>-<function>`, or the function's UUID. Somebody's id for it counts as that of an event does.
-- Locks: those of an event's insertion (0011). Indexes: apps_tenant_id_name_key, functions_tenant_id_app_id_name_key.
CREATE FUNCTION nightjar.invoke(tenant int, slug text, data jsonb, "user" jsonb DEFAULT NULL, id text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    target record;
    invoked uuid;
BEGIN
    -- Of two readings the one with the longer name of the app.
    SELECT a.name AS app, f.name AS function INTO target
    FROM nightjar.apps a JOIN nightjar.functions f ON f.app_id = a.app_id
    WHERE a.tenant_id = tenant AND f.archived_at IS NULL
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
                '_nightjar', jsonb_build_object('app', target.app, 'function', target.function, 'quiet', false)),
            invoke."user", invoke.id)
    RETURNING e.event_id INTO invoked;
    PERFORM set_config('nightjar.signal', '', true);
    RETURN invoked;
END $$;

-- Whoever needs these rights gets them: see deploy/.
REVOKE EXECUTE ON FUNCTION nightjar.sync(jsonb), nightjar.invoke(int, text, jsonb, jsonb, text) FROM PUBLIC;

INSERT INTO nightjar.migrations (version, name) VALUES (14, 'remote_apps');
