-- Nightjar 0008: steps that wait for something from outside of the run: an event, or the end of a run that it invoked.
--
-- Such a step is a row of open_steps from its beginning until its end is recorded in `steps`, by the lease holder like
-- any other step. What comes for it is put into that row by whoever applies the event. So the fence and the order of the
-- records stay the lease holder's alone, and what comes while it executes is not lost: `live.mail` counts what came, and
-- a commit parks the run only if the count is the one that the execution knew.
--
-- Lock protocol: pending rows (SKIP LOCKED) → live rows ascending → open steps → waits → logs.
SET LOCAL client_min_messages = warning;

-- In the order in which an inserted event takes them, all at once: else this and an insert could wait for each other.
LOCK TABLE nightjar.events, nightjar.runs, nightjar.live, nightjar.waits, nightjar.match_paths, nightjar.pending
    IN ACCESS EXCLUSIVE MODE;

ALTER TABLE nightjar.live
    ADD COLUMN expires_at timestamptz,      -- then it is cancelled: unbegun, timeouts.start; begun, timeouts.finish
    ADD COLUMN newcomer boolean NOT NULL DEFAULT false,     -- workers search the log for it, not its first claim
    ADD COLUMN mail   int NOT NULL DEFAULT 0,       -- how many of its open steps were answered so far
    ADD COLUMN batched boolean NOT NULL DEFAULT false,      -- it has more than one event: see migration 0015
    ADD COLUMN remote_state smallint NOT NULL DEFAULT 0,    -- what the conversation with a remote app is to remember
    ADD COLUMN origin smallint NOT NULL DEFAULT 0;  -- 0 event, 1 invoked, 2 system event, 3 invoked below one of these
COMMENT ON COLUMN nightjar.live.state IS
    '0 ready, 1 leased, 2 sleeping, 3 retrying, 4 scheduled, 5 waiting for an event, 6 waiting for a run that it invoked';
-- A hash: it finds the waits of a run and nothing else. As a b-tree it could also deliver waits in the order of their runs,
-- and with statistics from a moment when the table was empty it was read from end to end in place of waits_pkey.
DROP INDEX nightjar.waits_run;
CREATE INDEX waits_run ON nightjar.waits USING hash (run_id);
-- Nor may the waits of a run be looked for here, although run_id is a column of it: while the table had no page, and
-- statistics of fuller days, that seemed cheaper than the hash, and each commit then read the whole index, for good. A
-- partial index is used only where its condition is implied: key = … implies it.
ALTER TABLE nightjar.waits DROP CONSTRAINT waits_pkey;
CREATE UNIQUE INDEX waits_key ON nightjar.waits (tenant_id, key, run_id, policy_id) WHERE key IS NOT NULL;
-- Else a publication of all tables would refuse every delete.
ALTER TABLE nightjar.waits REPLICA IDENTITY FULL;

CREATE INDEX live_expires ON nightjar.live (expires_at, run_id) WHERE expires_at IS NOT NULL;

ALTER TABLE nightjar.runs
    ADD COLUMN rerun_of      uuid,          -- the run whose event it was given again
    ADD COLUMN parent_run_id uuid,          -- the run that invoked it
    ADD COLUMN parent_step   text;

-- Small enough for a wait's policy_id to hold a slot and the number of one of its branches, of which there are at most 16.
-- Runs for which the log of match keys has to be searched soon after their own commit: an event that cancels them may have
-- been applied before it could see them. Other runs leave that to their first claim; but one that is scheduled would seem
-- to live until then, and one with conditions would have to evaluate them on all that has come since.
CREATE TABLE nightjar.newcomers (
    run_id uuid NOT NULL PRIMARY KEY,
    seq    bigint NOT NULL                  -- events up to this number are searched
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);

CREATE SEQUENCE nightjar.slots AS int MAXVALUE 134217726 CYCLE;

GRANT USAGE ON SEQUENCE nightjar.slots TO PUBLIC;

-- What people call a step whose id is a hash: remote apps have such.
ALTER TABLE nightjar.steps ADD COLUMN name text;

CREATE TABLE nightjar.open_steps (
    run_id       uuid NOT NULL,
    step         text NOT NULL,
    name         text,
    slot         int NOT NULL DEFAULT nextval('nightjar.slots'),    -- its waits have purpose 2, policy_id = -(16 × slot + branch)
    tenant_id    int NOT NULL,
    kind         smallint NOT NULL,         -- 4 waits for an event, 5 for a run that it invoked, 6 for a signal
    searched     boolean NOT NULL DEFAULT false,    -- the log of match keys was searched after this row's commit,
    looked       boolean NOT NULL DEFAULT false,    -- and needs not be searched again
    cascades     boolean NOT NULL DEFAULT false,    -- a cancel of the run cancels the invoked one
    started_at   timestamptz NOT NULL,
    due_at       timestamptz NOT NULL,      -- when it times out
    since        bigint,                    -- events after this number count; null: from the commit on
    child_run_id uuid,
    arrived      uuid,                      -- the event that answers it
    arrived_at   timestamptz,
    spec         jsonb NOT NULL,            -- what it waits for, or invokes
    PRIMARY KEY (run_id, step)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX open_steps_unlooked ON nightjar.open_steps (run_id, step) WHERE NOT looked;

-- How far the application of a pending row has come: it goes through the waits of its key once, in order, in chunks.
ALTER TABLE nightjar.pending
    ADD COLUMN run_id     uuid,             -- the last wait that was looked at
    ADD COLUMN policy_id  int,
    ADD COLUMN again_from uuid,             -- the lowest run that somebody held locked: another round begins there
    ADD COLUMN cause      jsonb;            -- not by an event: why

-- Which step of which run waits for a signal: at most one a name.
CREATE TABLE nightjar.signals (
    tenant_id int NOT NULL,
    signal    text NOT NULL,
    run_id    uuid NOT NULL,
    step      text NOT NULL,
    PRIMARY KEY (tenant_id, signal)
);
CREATE INDEX signals_run ON nightjar.signals USING hash (run_id);

-- Makes a step the one that waits for a signal, before it begins to wait; false if another one does, unless `replace`.
-- Locks: the signal's row. Indexes: signals_pkey, open_steps_pkey, live_pkey.
CREATE FUNCTION nightjar.claim_signal(signal text, run_id uuid, step text, replace boolean) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    IF octet_length(signal) > 1024 THEN
        RAISE EXCEPTION 'the name of a signal has % bytes; the limit is 1024', octet_length(signal)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Send what is long as the data of the signal.';
    END IF;
    INSERT INTO nightjar.signals AS s (tenant_id, signal, run_id, step)
    SELECT l.tenant_id, signal, run_id, step FROM nightjar.live l WHERE l.run_id = claim_signal.run_id
    ON CONFLICT ON CONSTRAINT signals_pkey DO UPDATE SET run_id = excluded.run_id, step = excluded.step
        WHERE replace OR (s.run_id, s.step) = (excluded.run_id, excluded.step)
           -- Whoever claimed it ended before it began to wait.
           OR NOT EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = s.run_id);
    RETURN FOUND;
END $$;

-- Answers the step that waits for a signal; its run, or null when nobody waits.
-- Locks: those of an event's insertion (0011). Indexes: signals_pkey, open_steps_pkey.
CREATE FUNCTION nightjar.send_signal(signal text, data jsonb) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    waiter record;
BEGIN
    SELECT s.run_id, s.step INTO waiter FROM nightjar.signals s
    JOIN nightjar.open_steps o ON o.run_id = s.run_id AND o.step = s.step AND o.arrived IS NULL
    WHERE s.tenant_id = nightjar.current_tenant() AND s.signal = send_signal.signal;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('nightjar.signal', 'sent', true);
    INSERT INTO nightjar.events (name, data)
    VALUES ('inngest/signal.sent', jsonb_build_object('signal', signal, 'data', data, 'waiter', waiter.run_id || '.' || waiter.step));
    PERFORM set_config('nightjar.signal', '', true);
    RETURN waiter.run_id;
END $$;

-- The UUID under which remote apps know a function.
CREATE FUNCTION nightjar.function_uuid(function_id int) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT md5('nightjar.function.' || function_id)::uuid
$$;

-- Makes places in events known, so that waits for them may follow. A call of its own, committed before the first such
-- wait: an event that begins later carries their keys. Locks: rows of match_paths, if they are new.
CREATE FUNCTION nightjar.register_paths(event text, paths jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO nightjar.match_paths (tenant_id, event, path)
    SELECT DISTINCT nightjar.current_tenant(), register_paths.event, ARRAY(SELECT jsonb_array_elements_text(p.value))
    FROM jsonb_array_elements(paths) p
    ON CONFLICT DO NOTHING
$$;

-- A step began to wait: its keys go into the match index; what it invokes is started by an event.
-- Locks: waits and logs, by insertion; those of an event's insertion (0010).
-- Indexes: open_steps_pkey, live_pkey, runs_pkey, events_pkey.
-- LATERAL … OFFSET 0 (LIMIT 1 where it prunes partitions) and = ANY (ARRAY(…)): else a table that was analyzed while it was
-- empty is read from end to end, for each of the steps (PlanTests). Nor does anything here want a bitmap scan: where one row
-- is expected, it seems as cheap as reading the beginning of an index in order, and reads all of it.
CREATE FUNCTION nightjar.step_opened() RETURNS trigger
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
               '_nightjar', jsonb_build_object('app', n.app, 'function', n.function, 'parent', n.run_id, 'step', n.step, 'quiet', n.quiet))
    FROM (SELECT n.tenant_id, n.run_id, n.step, n.spec -> 'data' AS data, coalesce(s.function, n.spec ->> 'function') AS function,
                 coalesce(s.app, n.spec ->> 'app', a.name) AS app, l.origin >= 2 AS quiet
          FROM opened n
          LEFT JOIN LATERAL (
              -- Of two readings the one with the longer name of the app.
              SELECT b.name AS app, g.name AS function FROM nightjar.apps b JOIN nightjar.functions g ON g.app_id = b.app_id
              WHERE b.tenant_id = n.tenant_id
                AND (b.name || '-' || g.name = n.spec ->> 'slug' OR nightjar.function_uuid(g.function_id)::text = n.spec ->> 'slug')
              ORDER BY length(b.name) DESC LIMIT 1) s ON n.spec ? 'slug'
          CROSS JOIN LATERAL (SELECT l.function_id, l.origin FROM nightjar.live l WHERE l.run_id = n.run_id OFFSET 0) l
          CROSS JOIN LATERAL (SELECT f.app_id FROM nightjar.functions f WHERE f.function_id = l.function_id OFFSET 0) f
          CROSS JOIN LATERAL (SELECT a.name FROM nightjar.apps a WHERE a.app_id = f.app_id OFFSET 0) a
          WHERE n.kind = 5 ORDER BY n.run_id, n.step) n;
    RETURN NULL;
END $$;
CREATE TRIGGER step_opened AFTER INSERT ON nightjar.open_steps
    REFERENCING NEW TABLE AS opened FOR EACH STATEMENT EXECUTE FUNCTION nightjar.step_opened();

-- A step waits no more: recorded, or gone with its run. Index: waits_run, which knows = ANY only by a bitmap scan.
CREATE FUNCTION nightjar.step_closed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = on SET jit = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM closed) THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM closed c WHERE c.kind = 6) THEN
        DELETE FROM nightjar.signals s
        WHERE s.run_id = ANY (ARRAY(SELECT c.run_id FROM closed c WHERE c.kind = 6))
          AND (s.run_id, s.step) IN (SELECT c.run_id, c.step FROM closed c);
    END IF;
    DELETE FROM nightjar.waits w
    WHERE w.run_id = ANY (ARRAY(SELECT c.run_id FROM closed c)) AND w.purpose = 2
      -- IS TRUE: a hashed subplan; as a join it looked up the whole array for each row.
      AND ((w.run_id, -w.policy_id / 16) IN (SELECT c.run_id, c.slot FROM closed c)) IS TRUE;
    RETURN NULL;
END $$;
CREATE TRIGGER step_closed AFTER DELETE ON nightjar.open_steps
    REFERENCING OLD TABLE AS closed FOR EACH STATEMENT EXECUTE FUNCTION nightjar.step_closed();

-- Whether an open step stands by its match: in time, not answered yet, and the branch's condition true. Called for
-- candidates only: their key matched. Indexes: open_steps_pkey; for a condition runs_pkey and events_pkey.
CREATE FUNCTION nightjar.wait_holds(run_id uuid, policy_id int, event_id uuid, asked_at timestamptz) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
DECLARE
    o nightjar.open_steps;
    condition jsonb;
BEGIN
    SELECT s.* INTO o FROM nightjar.open_steps s
    WHERE s.run_id = wait_holds.run_id AND s.slot = -wait_holds.policy_id / 16;
    IF NOT FOUND OR o.arrived IS NOT NULL OR asked_at >= o.due_at THEN
        RETURN false;
    END IF;
    condition := nullif(o.spec #> ARRAY['branches', (-policy_id % 16)::text, 'condition'], 'null');
    RETURN condition IS NULL
        OR coalesce(nightjar.evaluate(condition, nightjar.trigger_json(run_id, o.spec ? 'remote'),
                                      nightjar.event_json(event_id, o.spec ? 'remote')) = 'true', false);
END $$;

-- Answers open steps: the first event counts. The run goes on at once if it is parked; the session of one that executes
-- comes back, to be told. A run whose row somebody else holds is left out.
-- Locks: live rows ascending, SKIP LOCKED → open steps → waits. Indexes: live_pkey, open_steps_pkey, waits_run.
CREATE FUNCTION nightjar.answer(run_ids uuid[], policy_ids int[], event_ids uuid[])
RETURNS TABLE (run_id uuid, session_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = on SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT t.run_id, -t.policy_id / 16 AS slot, t.event_id
        FROM unnest(run_ids, policy_ids, event_ids) AS t (run_id, policy_id, event_id) ORDER BY t.run_id
    ), held AS MATERIALIZED (
        SELECT l.run_id, l.session_id FROM (SELECT DISTINCT a.run_id FROM asked a ORDER BY a.run_id) a
        CROSS JOIN LATERAL (
            SELECT l.run_id, l.session_id FROM nightjar.live l WHERE l.run_id = a.run_id FOR UPDATE SKIP LOCKED) l
    ), told AS (
        UPDATE nightjar.open_steps o SET arrived = a.event_id, arrived_at = clock_timestamp()
        FROM (SELECT a.* FROM asked a WHERE (a.run_id IN (SELECT h.run_id FROM held h)) IS TRUE) a
        -- = ANY (ARRAY(…)) beside the join: else the table may be read from end to end for it; below too.
        WHERE o.run_id = ANY (ARRAY(SELECT h.run_id FROM held h)) AND o.run_id = a.run_id AND o.slot = a.slot AND o.arrived IS NULL
        RETURNING o.run_id, o.slot
    ), heard AS (
        DELETE FROM nightjar.waits w
        WHERE w.run_id = ANY (ARRAY(SELECT t.run_id FROM told t)) AND w.purpose = 2
          -- IS TRUE: a hashed subplan; as a join it looked up the whole array for each row, 312,000 pages for 500 answers.
          AND ((w.run_id, -w.policy_id / 16) IN (SELECT t.run_id, t.slot FROM told t)) IS TRUE
    ), woken AS (
        UPDATE nightjar.live l
        SET mail = l.mail + t.count, state = CASE WHEN l.state IN (2, 3, 5, 6) THEN 0 ELSE l.state END,
            due_at = CASE WHEN l.state IN (2, 3, 5, 6) THEN NULL ELSE l.due_at END
        FROM (SELECT t.run_id, count(*)::int AS count FROM told t GROUP BY t.run_id) t
        WHERE l.run_id = ANY (ARRAY(SELECT t.run_id FROM told t)) AND l.run_id = t.run_id
    )
    SELECT h.run_id, h.session_id FROM held h;
END $$;

-- What was sent before a wait could be seen: the log of match keys is searched once after each wait's own commit, from
-- the number on from which its events count. Whoever commits later finds the wait in the index. Where a path is so young
-- that events may lack its keys, they are read themselves; and as long as transactions are under way that may not know
-- the path, the search is repeated. Of all that is found the earliest event counts.
-- Answers the runs whose steps were answered, and last a row without a run: how far it got (null: the end), and whether
-- something is to be looked at again.
-- Locks: young paths; those of nightjar.answer; open steps that it has searched (SKIP LOCKED).
-- Indexes: match_paths_incomplete, open_steps_unlooked, waits_run, match_log_key, match_paths_pkey; for young paths
-- events_pkey and idempotency_pkey.
CREATE FUNCTION nightjar.look_back(most int, after_run uuid DEFAULT '00000000-0000-0000-0000-000000000000', after_step text DEFAULT '')
RETURNS TABLE (run_id uuid, session_id uuid, reached_run uuid, reached_step text, stayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    o record;
    hit uuid;
    policy int;
    complete boolean;
    later boolean;
    seen int := 0;
    ids uuid[] := '{}'; policies int[] := '{}'; hits uuid[] := '{}';
    vain uuid[] := '{}'; vain_steps text[] := '{}'; vain_done boolean[] := '{}';
BEGIN
    -- Whoever takes a number after this snapshot reads the paths later still, and so knows those that are visible now. A
    -- path is complete once every transaction with a lower number has ended.
    -- What is locked, somebody else does at this moment.
    WITH young AS MATERIALIZED (
        SELECT m.tenant_id, m.event, m.path FROM nightjar.match_paths m
        WHERE m.complete_from IS NULL AND m.known_to IS NULL AND EXISTS (SELECT FROM nightjar.open_steps u WHERE NOT u.looked)
        FOR UPDATE SKIP LOCKED)
    UPDATE nightjar.match_paths m SET known_to = pg_snapshot_xmax(pg_current_snapshot())
    FROM young y WHERE m.tenant_id = y.tenant_id AND m.event = y.event AND m.path = y.path;
    WITH known AS MATERIALIZED (
        SELECT m.tenant_id, m.event, m.path FROM nightjar.match_paths m
        WHERE m.complete_from IS NULL AND m.known_to <= pg_snapshot_xmin(pg_current_snapshot())
        FOR UPDATE SKIP LOCKED)
    UPDATE nightjar.match_paths m SET complete_from = nextval('nightjar.event_seq')
    FROM known k WHERE m.tenant_id = k.tenant_id AND m.event = k.event AND m.path = k.path;

    FOR o IN SELECT u.*, (u.spec ->> 'look_back')::boolean IS TRUE AS looks_back FROM nightjar.open_steps u
             WHERE NOT u.looked AND u.since IS NOT NULL AND (u.run_id, u.step) > (after_run, after_step)
             ORDER BY u.run_id, u.step LIMIT most LOOP      -- without a lock: whoever ends the run must not wait for this
        seen := seen + 1;
        reached_run := o.run_id;
        reached_step := o.step;
        complete := true;
        later := false;
        -- Without looking back there is nothing older than the path that counts.
        IF o.looks_back THEN
            SELECT coalesce(bool_and(coalesce(m.complete_from <= o.since, false)), true), coalesce(bool_or(m.complete_from IS NULL), false)
            INTO complete, later
            FROM jsonb_to_recordset(o.spec -> 'branches') AS b (event_path text[])
            JOIN nightjar.match_paths m ON m.tenant_id = o.tenant_id AND m.event = o.spec ->> 'event' AND m.path = b.event_path;
        END IF;
        SELECT c.event_id, c.policy_id INTO hit, policy FROM (
            SELECT m.event_id, m.seq, x.policy_id
            FROM (SELECT x.policy_id, x.key, x.tenant_id FROM nightjar.waits x
                  WHERE x.run_id = o.run_id AND x.purpose = 2 AND -x.policy_id / 16 = o.slot OFFSET 0) x
            CROSS JOIN LATERAL (
                SELECT m.event_id, m.seq FROM nightjar.match_log m
                WHERE m.tenant_id = x.tenant_id AND m.key = x.key AND m.seq > o.since
                  AND m.log_id >= nightjar.uuid7_floor(CASE WHEN o.looks_back THEN nightjar.uuid7_time(o.run_id)
                                                            ELSE o.started_at END - interval '1 hour')
                  AND m.log_id < nightjar.uuid7_floor(now() + interval '1 hour')
                  AND nightjar.wait_holds(o.run_id, x.policy_id, m.event_id, nightjar.uuid7_time(m.log_id))
                ORDER BY m.seq LIMIT 1) m
            UNION ALL
            SELECT e.event_id, e.seq, x.policy_id
            FROM nightjar.events e
            CROSS JOIN (SELECT x.policy_id, x.key FROM nightjar.waits x
                        WHERE x.run_id = o.run_id AND x.purpose = 2 AND -x.policy_id / 16 = o.slot OFFSET 0) x
            CROSS JOIN LATERAL (SELECT ARRAY(SELECT p.value FROM jsonb_array_elements_text(
                o.spec #> ARRAY['branches', (-x.policy_id % 16)::text, 'event_path']) p) AS path OFFSET 0) b
            CROSS JOIN LATERAL nightjar.event_values(
                b.path, e.name, e.data, e."user", coalesce(e.id, e.event_id::text), e.ts) v (value)
            -- This reads all events since the run began, of whatever name: once at first, and once at the end.
            WHERE NOT complete AND NOT (later AND o.searched) AND e.tenant_id = o.tenant_id AND e.seq > o.since
              -- Ids may be made by clients: their clocks may be behind.
              AND e.event_id >= nightjar.uuid7_floor(nightjar.uuid7_time(o.run_id) - interval '2 days')
              AND (e.name = o.spec ->> 'event'
                   OR right(o.spec ->> 'event', 1) = '*' AND starts_with(e.name, left(o.spec ->> 'event', -1)))
              AND x.key = nightjar.match_key(o.spec ->> 'event', b.path, v.value)
              -- An id that was there before has no second effect here either.
              AND NOT EXISTS (SELECT FROM nightjar.idempotency i
                              WHERE i.tenant_id = e.tenant_id AND i.scope = 0 AND i.key = e.name || E'\x1f' || e.id
                                AND i.event_id <> e.event_id OFFSET 0)
              AND nightjar.wait_holds(o.run_id, x.policy_id, e.event_id, e.received_at)) c
        ORDER BY c.seq LIMIT 1;
        IF hit IS NOT NULL THEN
            ids := ids || o.run_id; policies := policies || policy; hits := hits || hit;
        ELSE
            vain := vain || o.run_id; vain_steps := vain_steps || o.step; vain_done := vain_done || NOT later;
        END IF;
    END LOOP;

    IF cardinality(ids) > 0 THEN
        RETURN QUERY SELECT a.run_id, a.session_id, NULL::uuid, NULL::text, NULL::boolean
                     FROM nightjar.answer(ids, policies, hits) a;
    END IF;
    -- Answered, or searched in vain. Where somebody holds the run's row, the event is found again.
    UPDATE nightjar.open_steps u SET searched = true, looked = true
    WHERE u.run_id = ANY (ids) AND (u.run_id, u.step) IN (
        SELECT u.run_id, u.step FROM nightjar.open_steps u
        WHERE u.run_id = ANY (ids) AND NOT u.looked AND u.arrived IS NOT NULL FOR UPDATE SKIP LOCKED);
    UPDATE nightjar.open_steps u SET searched = true, looked = v.done
    FROM (SELECT v.* FROM unnest(vain, vain_steps, vain_done) AS v (run_id, step, done)
          CROSS JOIN LATERAL (SELECT FROM nightjar.open_steps u WHERE u.run_id = v.run_id AND u.step = v.step
                              FOR UPDATE SKIP LOCKED) u) v
    WHERE u.run_id = ANY (vain) AND u.run_id = v.run_id AND u.step = v.step AND (v.done OR NOT u.searched);
    RETURN QUERY SELECT NULL::uuid, NULL::uuid, CASE WHEN seen = most THEN reached_run END,
                        CASE WHEN seen = most THEN reached_step END,
                        EXISTS (SELECT FROM nightjar.open_steps u WHERE NOT u.looked);
END $$;

-- Searches the log for newcomers, up to `most` of them, and puts what cancels them into `pending`. Stops after a quarter
-- of a second: a condition may have to be evaluated on much that came since. Answers whether there is more to do.
-- Locks: newcomers, SKIP LOCKED; pending rows by insertion. Indexes: newcomers_pkey, waits_run, match_log_key.
CREATE FUNCTION nightjar.search_newcomers(most int) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    chunk constant int := 500;
    began constant timestamptz := clock_timestamp();
    batch uuid[];
    n record;
    m record;
    read int;
    hit boolean;
    hits jsonb[] := '{}';
    unfinished boolean := false;
BEGIN
    SELECT array_agg(c.run_id) INTO batch FROM (
        SELECT c.run_id FROM nightjar.newcomers c ORDER BY c.run_id LIMIT most FOR UPDATE SKIP LOCKED) c;
    IF batch IS NULL THEN
        RETURN false;
    END IF;
    -- For nearly all there is nothing.
    DELETE FROM nightjar.newcomers c
    WHERE c.run_id = ANY (batch) AND NOT EXISTS (
        SELECT FROM (SELECT w.tenant_id, w.key, w.since FROM nightjar.waits w
                     WHERE w.run_id = c.run_id AND w.purpose = 1 OFFSET 0) w
        CROSS JOIN LATERAL (
            SELECT FROM nightjar.match_log l
            WHERE l.tenant_id = w.tenant_id AND l.key = w.key AND l.seq > w.since
              AND l.log_id >= nightjar.uuid7_floor(nightjar.uuid7_time(c.run_id) - interval '1 hour')
              AND l.log_id < nightjar.uuid7_floor(now() + interval '1 hour') OFFSET 0) l
        OFFSET 0);
    FOR n IN SELECT c.run_id, c.seq FROM nightjar.newcomers c WHERE c.run_id = ANY (batch) ORDER BY c.run_id LOOP
        IF clock_timestamp() > began + interval '250 ms' THEN
            unfinished := true;
            EXIT;
        END IF;
        read := 0;
        hit := false;
        FOR m IN SELECT w.tenant_id, w.key, w.policy_id, l.seq, l.event_id, nightjar.uuid7_time(l.log_id) AS at
                 FROM (SELECT w.tenant_id, w.key, w.since, w.policy_id FROM nightjar.waits w
                       WHERE w.run_id = n.run_id AND w.purpose = 1 OFFSET 0) w
                 CROSS JOIN LATERAL (
                     SELECT l.seq, l.event_id, l.log_id FROM nightjar.match_log l
                     WHERE l.tenant_id = w.tenant_id AND l.key = w.key AND l.seq > greatest(w.since, n.seq)
                       AND l.log_id >= nightjar.uuid7_floor(nightjar.uuid7_time(n.run_id) - interval '1 hour')
                       AND l.log_id < nightjar.uuid7_floor(now() + interval '1 hour') OFFSET 0) l
                 ORDER BY l.seq, w.policy_id LIMIT chunk LOOP
            -- Also in the middle of an event's rows: the last number may not be complete.
            read := read + 1;
            hit := nightjar.policy_holds(m.policy_id, n.run_id, m.event_id, m.at);
            IF hit THEN
                hits := hits || jsonb_build_object('tenant_id', m.tenant_id, 'key', m.key, 'seq', m.seq,
                                                   'event_id', m.event_id, 'asked_at', m.at);
                EXIT;
            END IF;
        END LOOP;
        -- After a hit the row stays until the run has ended: the event may be pending already, and past this run.
        IF NOT hit AND read < chunk THEN
            DELETE FROM nightjar.newcomers c WHERE c.run_id = n.run_id;
        ELSIF NOT hit THEN
            unfinished := true;
            -- The last event may have further keys of this run; one event has fewer of them than a chunk.
            UPDATE nightjar.newcomers c SET seq = greatest(m.seq - 1, n.seq + 1) WHERE c.run_id = n.run_id;
        END IF;
    END LOOP;
    -- In order, as everybody inserts here: else two of these could wait for each other.
    INSERT INTO nightjar.pending (tenant_id, key, seq, event_id, asked_at)
    SELECT DISTINCT ON (h.tenant_id, h.key, h.seq) h.tenant_id, h.key, h.seq, h.event_id, h.asked_at
    FROM unnest(hits) AS u (hit)
    CROSS JOIN LATERAL jsonb_to_record(u.hit) AS h (tenant_id int, key uuid, seq bigint, event_id uuid, asked_at timestamptz)
    ORDER BY h.tenant_id, h.key, h.seq
    ON CONFLICT DO NOTHING;
    RETURN unfinished OR cardinality(batch) = most AND cardinality(hits) < most;
END $$;

REVOKE EXECUTE ON FUNCTION nightjar.search_newcomers(int), nightjar.register_paths(text, jsonb),
    nightjar.claim_signal(text, uuid, text, boolean), nightjar.send_signal(text, jsonb), nightjar.step_opened(), nightjar.step_closed(),
    nightjar.wait_holds(uuid, int, uuid, timestamptz), nightjar.answer(uuid[], int[], uuid[]), nightjar.look_back(int, uuid, text)
    FROM PUBLIC;

INSERT INTO nightjar.migrations (version, name) VALUES (8, 'open_steps');
