-- Nightjar 0005: an app says which functions it has.
SET LOCAL client_min_messages = warning;

-- Registers an app and its functions and answers their numbers. What is unchanged is not written, so any number of
-- workers of one build may start at once, and often.
--
-- `functions`: [{"name": "publish-post", "options": {…},
--                "triggers": [{"event": "blog/post.scheduled", "source": "name of another function" or null}],
--                "cancel": [{"event": "blog/post.cancelled", "trigger_path": ["data","postID"], "event_path": ["data","postID"]}]}]
-- A source restricts a trigger to system events about that function: how a failure handler listens.
--
-- A function that is not in the list stays as it is: while a new build is rolled out, old workers register too.
-- Locks: advisory (transaction, per tenant); then rows of the small identity tables, if something changed.
CREATE FUNCTION nightjar.register(app text, functions jsonb, kind smallint DEFAULT 1)
RETURNS TABLE (name text, function_id int, queue int)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    tenant constant int := nightjar.current_tenant();
    the_app int;
    entry jsonb;
    the_function int;
BEGIN
    -- Of the tenant, not of the app: match_paths are the tenant's.
    PERFORM pg_advisory_xact_lock(hashtext('nightjar.register'), tenant);
    SELECT a.app_id INTO the_app FROM nightjar.apps a WHERE a.tenant_id = tenant AND a.name = register.app;
    IF the_app IS NULL THEN
        INSERT INTO nightjar.apps (tenant_id, name, kind) VALUES (tenant, register.app, register.kind)
        RETURNING app_id INTO the_app;
    END IF;

    FOR entry IN SELECT value FROM jsonb_array_elements(functions) LOOP
        INSERT INTO nightjar.functions AS f (tenant_id, app_id, queue, name, options)
        SELECT tenant, the_app, CASE register.kind WHEN 1 THEN the_app ELSE 0 END, entry ->> 'name', entry -> 'options'
        WHERE NOT EXISTS (SELECT FROM nightjar.functions f WHERE f.app_id = the_app AND f.name = entry ->> 'name');
        UPDATE nightjar.functions f SET options = entry -> 'options', changed_at = now()
        WHERE f.app_id = the_app AND f.name = entry ->> 'name' AND f.options IS DISTINCT FROM entry -> 'options';
    END LOOP;

    -- A second round: a source may name a function that stands further down.
    FOR entry IN SELECT value FROM jsonb_array_elements(functions) LOOP
        SELECT f.function_id INTO the_function FROM nightjar.functions f
        WHERE f.app_id = the_app AND f.name = entry ->> 'name';

        WITH wanted AS (
            SELECT DISTINCT ON (t.event) t.event, s.function_id AS source
            FROM jsonb_to_recordset(entry -> 'triggers') AS t (event text, source text)
            LEFT JOIN nightjar.functions s ON s.app_id = the_app AND s.name = t.source
        ), gone AS (
            DELETE FROM nightjar.function_triggers t
            WHERE t.function_id = the_function AND NOT EXISTS (SELECT FROM wanted w WHERE w.event = t.event)
        )
        INSERT INTO nightjar.function_triggers AS t (tenant_id, function_id, event, source)
        SELECT tenant, the_function, w.event, w.source FROM wanted w
        ON CONFLICT (tenant_id, event, function_id) DO UPDATE SET source = excluded.source
            WHERE t.source IS DISTINCT FROM excluded.source;

        -- The place is hashed before any run can wait for it: both become visible with this commit.
        INSERT INTO nightjar.match_paths (tenant_id, event, path)
        SELECT tenant, c.event, c.event_path
        FROM jsonb_to_recordset(entry -> 'cancel') AS c (event text, event_path text[])
        ON CONFLICT DO NOTHING;

        UPDATE nightjar.cancel_policies p SET active = false
        WHERE p.function_id = the_function AND p.active AND NOT EXISTS (
            SELECT FROM jsonb_to_recordset(entry -> 'cancel') AS c (event text, trigger_path text[], event_path text[])
            WHERE c.event = p.event AND c.trigger_path = p.trigger_path AND c.event_path = p.event_path);
        INSERT INTO nightjar.cancel_policies AS p (tenant_id, function_id, event, trigger_path, event_path)
        SELECT DISTINCT tenant, the_function, c.event, c.trigger_path, c.event_path
        FROM jsonb_to_recordset(entry -> 'cancel') AS c (event text, trigger_path text[], event_path text[])
        ON CONFLICT (function_id, event, trigger_path, event_path) DO UPDATE SET active = true WHERE NOT p.active;
    END LOOP;

    RETURN QUERY SELECT f.name, f.function_id, f.queue FROM nightjar.functions f WHERE f.app_id = the_app;
END $$;

-- What anybody may call who may use the schema and insert events; the rest belongs to workers. (Roles of their own for
-- producers, workers and reports come with the tenants' seals.)
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA nightjar FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nightjar.uuid7(), nightjar.uuid7_floor(timestamptz), nightjar.uuid7_time(uuid),
    nightjar.current_tenant() TO PUBLIC;
GRANT USAGE ON SEQUENCE nightjar.event_seq TO PUBLIC;

INSERT INTO nightjar.migrations (version, name) VALUES (5, 'register');
