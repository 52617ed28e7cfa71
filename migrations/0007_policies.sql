-- Nightjar 0007: cancellation policies with expressions and a time limit; the functions' time limits.
--
-- One row of cancel_policies is one alternative of a policy: what the match index compares (trigger_path, event_path),
-- what its trigger must fulfil (guard, asked when the wait is made), and what is left to be evaluated on candidates.
SET LOCAL client_min_messages = warning;

-- In the order in which an inserted event takes them, all at once: else this and an insert could wait for each other.
LOCK TABLE nightjar.events, nightjar.runs, nightjar.live, nightjar.waits, nightjar.match_paths, nightjar.pending
    IN ACCESS EXCLUSIVE MODE;

ALTER TABLE nightjar.cancel_policies
    ADD COLUMN text      text,              -- the whole policy as its author wrote it; null: every event of the name
    ADD COLUMN guard     jsonb,             -- over `event`: where it is not true, there is no wait
    ADD COLUMN condition jsonb,             -- over `event` and `async`: where it is not true, a candidate is left alone
    ADD COLUMN timeout   interval,          -- listens for this long from the run's creation on
    ADD COLUMN until     timestamptz,       -- listens until then
    ADD COLUMN warning   text,              -- what is slow or wide about it
    ADD COLUMN remote    boolean NOT NULL DEFAULT false,    -- of a remote app, which knows events by their ULIDs
    ADD COLUMN digest    text;              -- of all the above: the same policy keeps its number
-- Those of older registrations go out of force with the next one, and stay for the runs that have them.
UPDATE nightjar.cancel_policies SET digest = 'before 0007: ' || policy_id;
ALTER TABLE nightjar.cancel_policies
    ALTER COLUMN digest SET NOT NULL,
    DROP CONSTRAINT cancel_policies_function_id_event_trigger_path_event_path_key,
    ADD UNIQUE (function_id, digest);
CREATE INDEX cancel_policies_active ON nightjar.cancel_policies (function_id) WHERE active;

ALTER TABLE nightjar.functions
    ADD COLUMN start_within  interval,      -- a run that has not begun by then is cancelled
    ADD COLUMN finish_within interval,      -- a run that has not ended by then, from its first start on, is cancelled
    ADD COLUMN has_conditions boolean NOT NULL DEFAULT false;   -- some policy has to be evaluated on candidates

-- Since when a path is known. An event's transaction that had begun before may lack its keys: see nightjar.look_back.
-- The registering transaction's own number would not do: one with a higher number may have read the paths before that
-- transaction committed.
ALTER TABLE nightjar.match_paths
    ADD COLUMN known_to xid8,               -- transactions from this number on know it; null: nobody has asked yet
    ADD COLUMN complete_from bigint;        -- events from this number on have their keys; null: not known yet
CREATE INDEX match_paths_incomplete ON nightjar.match_paths (tenant_id) WHERE complete_from IS NULL;

-- Whether a policy stands by its match: in time, and its condition true. Called for candidates only: their key matched.
-- Indexes: cancel_policies_pkey; for a condition runs_pkey and events_pkey.
-- `async`: the event, where it is not stored.
CREATE FUNCTION nightjar.policy_holds(policy_id int, run_id uuid, event_id uuid, asked_at timestamptz, async jsonb DEFAULT NULL)
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    p nightjar.cancel_policies;
BEGIN
    SELECT c.* INTO p FROM nightjar.cancel_policies c WHERE c.policy_id = policy_holds.policy_id;
    IF asked_at >= p.until OR asked_at >= nightjar.uuid7_time(run_id) + p.timeout THEN
        RETURN false;
    END IF;
    RETURN p.condition IS NULL
        OR coalesce(nightjar.evaluate(p.condition, nightjar.trigger_json(run_id, p.remote),
                                      coalesce(async, nightjar.event_json(event_id, p.remote))) = 'true', false);
END $$;

-- The match keys under which a run listens for its cancellation. `id`: the sender's own; else the event's counts, as the
-- function's app knows it. Index: cancel_policies_active.
CREATE FUNCTION nightjar.cancel_keys(function_id int, name text, data jsonb, "user" jsonb, id text, event_id uuid, ts timestamptz)
RETURNS TABLE (policy_id int, key uuid) LANGUAGE sql STABLE AS $$
    SELECT p.policy_id, nightjar.match_key(p.event, p.event_path, v.value)
    FROM nightjar.cancel_policies p
    CROSS JOIN LATERAL (SELECT coalesce(id, CASE WHEN p.remote THEN nightjar.ulid(event_id) ELSE event_id::text END)) AS i (id)
    CROSS JOIN LATERAL nightjar.event_values(p.trigger_path, name, data, "user", i.id, ts) AS v (value)
    WHERE p.function_id = cancel_keys.function_id AND p.active
      AND (p.guard IS NULL OR nightjar.evaluate(p.guard, nightjar.event_json(name, data, "user", i.id, ts), NULL) = 'true')
$$;

-- The match keys of an event. Indexes: match_paths_pkey, match_paths_wildcard.
CREATE FUNCTION nightjar.event_keys(tenant_id int, name text, data jsonb, "user" jsonb, id text, ts timestamptz)
RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
    SELECT nightjar.match_key(m.event, m.path, v.value)
    FROM (SELECT m.event, m.path FROM nightjar.match_paths m WHERE m.tenant_id = event_keys.tenant_id AND m.event = name
          UNION ALL
          SELECT m.event, m.path FROM nightjar.match_paths m
          WHERE m.tenant_id = event_keys.tenant_id AND m.prefix IS NOT NULL AND starts_with(name, m.prefix)) m
    CROSS JOIN LATERAL nightjar.event_values(m.path, name, data, "user", id, ts) AS v (value)
$$;

-- Which events of its name start the function: all of them, or those of which the condition is true.
ALTER TABLE nightjar.function_triggers
    ADD COLUMN text      text,              -- the condition as its author wrote it
    ADD COLUMN condition jsonb,
    ADD COLUMN gated     boolean NOT NULL DEFAULT false;    -- flow control decides: see migration 0015
COMMENT ON COLUMN nightjar.functions.queue IS 'which workers may claim its runs: those of its app';

-- Registers an app and its functions and answers their numbers, and what is to be warned of. What is unchanged is not
-- written, so any number of workers of one build may start at once, and often.
--
-- `functions`: [{"name": "publish-post", "options": {…, "start_timeout_ms": …, "finish_timeout_ms": …},
--                "triggers": [{"event": "blog/post.scheduled", "source": "name of another function" or null,
--                              "text": "event.data.plan == 'pro'", "condition": …}],
--                "cancel": [{"event": "blog/post.cancelled", "text": "match data.postID", "timeout_ms": …, "until": …,
--                            "warnings": ["…"],
--                            "branches": [{"trigger_path": ["data","postID"], "event_path": ["data","postID"],
--                                          "guard": …, "condition": …}]}]}]
-- A source restricts a trigger to system events about that function: how a failure handler listens. A condition, as
-- nightjar.evaluate takes it, restricts it to events of which it is true; two triggers with one event name are one.
--
-- A function that is not in the list stays as it is: while a new build is rolled out, old workers register too.
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

    RETURN QUERY SELECT f.name, f.function_id, f.queue FROM nightjar.functions f WHERE f.app_id = the_app;
END $$;

REVOKE EXECUTE ON FUNCTION
    nightjar.policy_holds(int, uuid, uuid, timestamptz, jsonb), nightjar.cancel_keys(int, text, jsonb, jsonb, text, uuid, timestamptz),
    nightjar.event_keys(int, text, jsonb, jsonb, text, timestamptz) FROM PUBLIC;

INSERT INTO nightjar.migrations (version, name) VALUES (7, 'policies');
