-- Nightjar 0023: how long the logs are kept, what unfinished runs need of them, and how data is erased on demand.
--
-- A week of a log that nobody wants any more is emptied but for what unfinished runs need, and dropped when that is nothing:
-- docs/retention.md tells how, Sources/Nightjar/Retention does it. Where tenants want less than the longest policy, their rows are
-- deleted in chunks.
--
-- Lock protocol: docs/lock-protocol.md.
SET LOCAL client_min_messages = warning;

-- ---------------------------------------------------------------------------------------------------------------------
-- Policies
-- ---------------------------------------------------------------------------------------------------------------------

-- For how long. `runs` are runs with their steps, attempts and outcomes, from their end on; `events` and `match_log` from their
-- insertion on. Null: for ever.
CREATE TABLE nightjar.retention (
    tenant_id  int NOT NULL DEFAULT 0,      -- 0: every tenant that has no row of its own
    log        text NOT NULL CHECK (log IN ('events', 'runs', 'match_log')),
    keep       interval CHECK (keep >= '1 day'),
    changed_at timestamptz NOT NULL DEFAULT now(),
    changed_by text NOT NULL DEFAULT session_user,
    PRIMARY KEY (tenant_id, log),
    -- Keys of all tenants' events, without their content.
    CHECK (tenant_id = 0 OR log <> 'match_log')
);
INSERT INTO nightjar.retention (log) VALUES ('events'), ('runs'), ('match_log');

-- What became of a week that was due. One row a week and log; those of dropped weeks stay for a year.
CREATE TABLE nightjar.retention_weeks (
    log        text NOT NULL,
    week       date NOT NULL,
    due_since  timestamptz NOT NULL DEFAULT now(),
    tried_at   timestamptz NOT NULL DEFAULT now(),
    emptied_at timestamptz,                 -- since then it holds what is needed, and what has come since
    kept_rows  bigint,
    dropped_at timestamptz,
    reason     text,                        -- why it could not be dropped
    PRIMARY KEY (log, week)
);

-- How far the deletion for tenants with shorter policies has come.
CREATE TABLE nightjar.retention_sweeps (
    tenant_id int NOT NULL,
    log       text NOT NULL,
    reached   uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    full_at   timestamptz NOT NULL DEFAULT now(),   -- when it last began at the beginning
    ended_at  timestamptz,                  -- when it last reached the end; null: under way
    examined  bigint NOT NULL DEFAULT 0,
    deleted   bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, log)
);

-- Sets for how long a log is kept: for all tenants that have no policy of their own, or for one. Null: for ever.
CREATE FUNCTION nightjar.set_retention(log text, keep interval, tenant text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
    owner int := 0;
BEGIN
    IF log IS NULL OR log NOT IN ('events', 'runs', 'match_log') THEN
        RAISE EXCEPTION 'there is no log "%"', log USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Use events, runs (with their steps, attempts and outcomes) or match_log.';
    ELSIF keep < interval '1 day' OR keep > interval '1000 years' THEN
        RAISE EXCEPTION 'a log cannot be kept for %', keep USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Use a day or more, such as 30 days; null keeps it for ever.';
    ELSIF tenant IS NOT NULL AND log = 'match_log' THEN
        RAISE EXCEPTION 'match_log has one policy for all tenants' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'It holds hashes, no content; set the tenant''s events and runs.';
    END IF;
    IF tenant IS NOT NULL THEN
        SELECT t.tenant_id INTO owner FROM nightjar.tenants t WHERE t.name = tenant;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'there is no tenant "%"', tenant USING ERRCODE = 'undefined_object';
        END IF;
    END IF;
    INSERT INTO nightjar.retention AS r (tenant_id, log, keep) VALUES (owner, log, keep)
    ON CONFLICT ON CONSTRAINT retention_pkey DO UPDATE
        SET keep = excluded.keep, changed_at = now(), changed_by = session_user
        WHERE r.keep IS DISTINCT FROM excluded.keep;
    DELETE FROM nightjar.retention_sweeps s WHERE s.log = set_retention.log AND (owner = 0 OR s.tenant_id = owner);
END $$;

-- Takes a tenant's own policy away: the one for all tenants counts for it again. False: it had none.
CREATE FUNCTION nightjar.reset_retention(log text, tenant text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
    DELETE FROM nightjar.retention r USING nightjar.tenants t
    WHERE t.name = tenant AND r.tenant_id = t.tenant_id AND r.log = reset_retention.log;
    RETURN FOUND;
END $$;

-- For how long each tenant's rows are kept. Null: for ever.
CREATE VIEW nightjar.tenant_retention AS
SELECT t.tenant_id, t.name AS tenant, d.log, CASE WHEN o.log IS NULL THEN d.keep ELSE o.keep END AS keep, o.log IS NOT NULL AS own
FROM nightjar.tenants t
JOIN nightjar.retention d ON d.tenant_id = 0 AND d.log <> 'match_log'
LEFT JOIN nightjar.retention o ON o.tenant_id = t.tenant_id AND o.log = d.log;

-- Since when rows of a log are wanted by somebody: the longest policy counts. Null: since ever.
-- What the log of match keys names must be there: it is never kept for longer than events are.
CREATE FUNCTION nightjar.kept_since(log text) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_variable
BEGIN
    IF log = 'match_log' THEN
        RETURN greatest((SELECT now() - r.keep FROM nightjar.retention r WHERE r.tenant_id = 0 AND r.log = 'match_log'),
                        nightjar.kept_since('events'));
    END IF;
    RETURN (SELECT CASE WHEN bool_and(r.keep IS NOT NULL) THEN now() - max(r.keep) END
            FROM nightjar.tenant_retention r WHERE r.log = kept_since.log);
END $$;

-- The weeks of the logs: which tables, in the order in which they are locked; which of them a detachment left behind.
-- A partition's name ends in the Monday with which its week begins.
CREATE FUNCTION nightjar.log_weeks() RETURNS TABLE (log text, week date, tables text[], loose text[], bytes bigint)
LANGUAGE sql STABLE AS $$
    SELECT f.log, to_date(right(c.relname, 8), 'YYYYMMDD') AS week,
           array_agg(c.relname::text ORDER BY f.position) FILTER (WHERE c.relispartition AND NOT coalesce(i.inhdetachpending, false)),
           array_agg(c.relname::text ORDER BY f.position) FILTER (WHERE NOT c.relispartition OR i.inhdetachpending),
           sum(pg_total_relation_size(c.oid))::bigint
    FROM (VALUES ('events', 'events', 1), ('match_log', 'match_log', 1), ('runs', 'runs', 1), ('runs', 'steps', 2),
                 ('runs', 'attempts', 3), ('runs', 'outcomes', 4)) AS f (log, parent, position)
    JOIN pg_class c ON c.relnamespace = 'nightjar'::regnamespace AND c.relkind = 'r' AND c.relname ~ ('^' || f.parent || '_[0-9]{8}$')
    LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
    GROUP BY f.log, 2
$$;

-- The weeks that are no longer wanted, the oldest first; `late`: since so long. The last one before this week always stays: an id may be made in it
-- until now. Events stay for a week more than their keys, which may be logged as much later.
CREATE FUNCTION nightjar.due_weeks(late interval DEFAULT '0') RETURNS TABLE (log text, week date, tables text[], loose text[], bytes bigint, lower_id uuid, upper_id uuid)
LANGUAGE plpgsql STABLE SET timezone = 'UTC' AS $$
#variable_conflict use_column
DECLARE
    last constant timestamptz := date_trunc('week', now()) - interval '7 days';
    events_since constant timestamptz := nightjar.kept_since('events') - late;
    keys_since constant timestamptz := nightjar.kept_since('match_log') - late;
    runs_since constant timestamptz := nightjar.kept_since('runs') - late;
BEGIN
    IF coalesce(events_since, keys_since, runs_since) IS NULL THEN
        RETURN;
    END IF;
    RETURN QUERY
    SELECT w.log, w.week, w.tables, w.loose, w.bytes, nightjar.uuid7_floor(w.week::timestamptz),
           nightjar.uuid7_floor(w.week + interval '7 days')
    FROM nightjar.log_weeks() w
    WHERE w.week + interval '7 days' <= least(last, CASE w.log WHEN 'runs' THEN runs_since WHEN 'match_log' THEN keys_since
                                                     ELSE least(events_since, keys_since - interval '7 days') END)
      AND CASE w.log WHEN 'runs' THEN runs_since WHEN 'match_log' THEN keys_since ELSE events_since END IS NOT NULL
    ORDER BY w.week, CASE w.log WHEN 'match_log' THEN 1 WHEN 'runs' THEN 2 ELSE 3 END;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- What is needed
-- ---------------------------------------------------------------------------------------------------------------------

-- The runs between two ids of which everything is needed: unfinished ones, and those that have ended since an instant.
-- No run enters this set later: ids are made at the start, and what has ended stays ended.
CREATE FUNCTION nightjar.needed_runs(lower_id uuid, upper_id uuid, since timestamptz) RETURNS SETOF uuid LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT l.run_id FROM nightjar.live l WHERE l.run_id >= lower_id AND l.run_id < upper_id
    UNION
    SELECT o.run_id FROM nightjar.outcomes o WHERE o.run_id >= lower_id AND o.run_id < upper_id AND o.ended_at >= since;
END $$;

-- The logged keys between two ids that somebody has still to look for: a run at its first claim, a newcomer, a step that was
-- not searched for since it began to wait.
CREATE FUNCTION nightjar.needed_keys(lower_id uuid, upper_id uuid) RETURNS SETOF nightjar.match_log LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT m.* FROM (
        SELECT w.tenant_id, w.key, w.since FROM nightjar.live l JOIN nightjar.waits w ON w.run_id = l.run_id AND w.purpose = 1
        WHERE l.run_id < nightjar.uuid7_floor(nightjar.uuid7_time(upper_id) + interval '2 hours') AND l.epoch = 0
          AND (NOT l.newcomer OR EXISTS (SELECT FROM nightjar.newcomers n WHERE n.run_id = l.run_id))
        UNION
        SELECT w.tenant_id, w.key, w.since FROM nightjar.open_steps o
        JOIN nightjar.waits w ON w.run_id = o.run_id AND w.purpose = 2 AND -w.policy_id / 16 = o.slot
        WHERE NOT o.looked) w
    JOIN nightjar.match_log m ON m.tenant_id = w.tenant_id AND m.key = w.key AND m.seq > w.since
    WHERE m.log_id >= lower_id AND m.log_id < upper_id;
END $$;

-- The events from one id to another that unfinished work needs: triggers of unfinished runs, what has arrived for their steps,
-- what is gathered or pending, and what they may find in the log of keys. `since`: instead of all, only what runs that began
-- after it brought, and what else has changed.
CREATE FUNCTION nightjar.needed_events(lower_id uuid, upper_id uuid, since timestamptz DEFAULT NULL) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT o.arrived FROM nightjar.open_steps o WHERE o.arrived >= lower_id AND o.arrived <= upper_id
    UNION SELECT g.event_id FROM nightjar.gathered g WHERE g.event_id >= lower_id AND g.event_id <= upper_id
    UNION SELECT p.event_id FROM nightjar.pending p WHERE p.event_id >= lower_id AND p.event_id <= upper_id;
    IF since IS NOT NULL THEN
        RETURN QUERY
        SELECT n.event_id FROM (
            SELECT l.run_id, l.event_id FROM nightjar.live l WHERE l.run_id >= nightjar.uuid7_floor(since)
            UNION ALL
            SELECT l.run_id, b.event_id FROM nightjar.live l JOIN nightjar.run_events b ON b.run_id = l.run_id
            WHERE l.run_id >= nightjar.uuid7_floor(since) AND l.batched) n
        WHERE n.event_id >= lower_id AND n.event_id <= upper_id;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT l.event_id FROM nightjar.live l WHERE l.event_id >= lower_id AND l.event_id <= upper_id
    UNION SELECT b.event_id FROM nightjar.run_events b JOIN nightjar.live l ON l.run_id = b.run_id
          WHERE b.event_id >= lower_id AND b.event_id <= upper_id
    -- An event's own id may be of another clock's making, some weeks ahead or some days behind.
    UNION SELECT k.event_id FROM nightjar.needed_keys(
              nightjar.uuid7_floor(greatest(nightjar.uuid7_time(lower_id) - interval '5 weeks', '1970-01-01')),
              nightjar.uuid7_floor(least(nightjar.uuid7_time(upper_id), now()) + interval '1 week')) k
          WHERE k.event_id >= lower_id AND k.event_id <= upper_id;
END $$;

-- What would become of the weeks that are due, and who needs how much of each: unfinished runs, and for `runs` also those that
-- ended lately. Reads `live`, and the outcomes of those weeks.
CREATE FUNCTION nightjar.retention_plan()
RETURNS TABLE (log text, week date, tables text[], bytes bigint, live_runs bigint, needed bigint, tried_at timestamptz, reason text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    w record;
BEGIN
    FOR w IN SELECT d.*, s.tried_at, s.reason FROM nightjar.due_weeks() d
             LEFT JOIN nightjar.retention_weeks s ON s.log = d.log AND s.week = d.week LOOP
        log := w.log; week := w.week; tables := coalesce(w.tables, '{}') || coalesce(w.loose, '{}');
        bytes := w.bytes; tried_at := w.tried_at; reason := w.reason;
        IF w.log = 'runs' THEN
            SELECT count(*) INTO live_runs FROM nightjar.live l WHERE l.run_id >= w.lower_id AND l.run_id < w.upper_id;
            SELECT count(*) INTO needed FROM nightjar.needed_runs(w.lower_id, w.upper_id, nightjar.kept_since('runs'));
        ELSIF w.log = 'events' THEN
            SELECT count(*) INTO live_runs FROM nightjar.live l WHERE l.event_id >= w.lower_id AND l.event_id < w.upper_id;
            SELECT count(DISTINCT e.id) INTO needed FROM nightjar.needed_events(w.lower_id, w.upper_id) AS e (id);
        ELSE
            SELECT count(*) INTO needed FROM nightjar.needed_keys(w.lower_id, w.upper_id);
            live_runs := CASE WHEN needed = 0 THEN 0 ELSE
                (SELECT count(DISTINCT x.run_id) FROM nightjar.needed_keys(w.lower_id, w.upper_id) k
                 JOIN nightjar.waits x ON x.tenant_id = k.tenant_id AND x.key = k.key AND x.since < k.seq) END;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Deletion by rows
-- ---------------------------------------------------------------------------------------------------------------------

-- Deletes ended runs with all that hangs on them; unfinished ones are left alone. Answers how many.
-- Locks: rows of logs, by deletion. Indexes: the primary keys, pruned to the weeks of the ids.
CREATE FUNCTION nightjar.delete_runs(run_ids uuid[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    doomed uuid[];
    lowest uuid;
    highest uuid;
    count int;
BEGIN
    doomed := ARRAY(SELECT r.run_id FROM unnest(run_ids) AS r (run_id)
                    WHERE NOT EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = r.run_id) ORDER BY r.run_id);
    IF cardinality(doomed) = 0 THEN
        RETURN 0;
    END IF;
    lowest := doomed[1];
    highest := doomed[cardinality(doomed)];
    DELETE FROM nightjar.steps s WHERE s.run_id = ANY (doomed) AND s.run_id >= lowest AND s.run_id <= highest;
    DELETE FROM nightjar.attempts t WHERE t.run_id = ANY (doomed) AND t.run_id >= lowest AND t.run_id <= highest;
    DELETE FROM nightjar.interruptions i WHERE i.run_id = ANY (doomed);
    DELETE FROM nightjar.run_events b WHERE b.run_id = ANY (doomed);
    DELETE FROM nightjar.outcomes o WHERE o.run_id = ANY (doomed) AND o.run_id >= lowest AND o.run_id <= highest;
    DELETE FROM nightjar.runs r WHERE r.run_id = ANY (doomed) AND r.run_id >= lowest AND r.run_id <= highest;
    GET DIAGNOSTICS count = ROW_COUNT;
    RETURN count;
END $$;

-- Deletes events and their logged keys, but for those that unfinished work needs or somebody holds. Answers how many.
-- Two statements: what committed before the rows were locked is seen by the second. nightjar.rerun locks the event that it reads.
-- Reads the whole of `live` once. Locks: the events' rows, SKIP LOCKED. Indexes: events_pkey, match_log_key.
CREATE FUNCTION nightjar.delete_events(event_ids uuid[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    doomed uuid[];
    lowest uuid;
    highest uuid;
    count int;
BEGIN
    SELECT min(i::text)::uuid, max(i::text)::uuid INTO lowest, highest FROM unnest(event_ids) i;
    doomed := ARRAY(SELECT e.event_id FROM nightjar.events e
                    WHERE e.event_id = ANY (event_ids) AND e.event_id >= lowest AND e.event_id <= highest
                    ORDER BY e.event_id FOR UPDATE SKIP LOCKED);
    doomed := ARRAY(SELECT i FROM unnest(doomed) i EXCEPT SELECT nightjar.needed_events(lowest, highest));
    IF cardinality(doomed) = 0 THEN
        RETURN 0;
    END IF;
    DELETE FROM nightjar.match_log m
    USING (SELECT e.tenant_id, e.seq, k.key
           FROM (SELECT * FROM nightjar.events e
                 WHERE e.event_id = ANY (doomed) AND e.event_id >= lowest AND e.event_id <= highest OFFSET 0) e
           CROSS JOIN LATERAL nightjar.event_keys(e.tenant_id, e.name, e.data, e."user", coalesce(e.id, e.event_id::text), e.ts)
               AS k (key)) k
    WHERE m.tenant_id = k.tenant_id AND m.key = k.key AND m.seq = k.seq;
    DELETE FROM nightjar.events e WHERE e.event_id = ANY (doomed) AND e.event_id >= lowest AND e.event_id <= highest;
    GET DIAGNOSTICS count = ROW_COUNT;
    RETURN count;
END $$;

-- Who runs an event again holds it until its own end, so that nobody deletes it meanwhile. The rest is as it was.
DO $$
DECLARE
    body constant text := pg_get_functiondef('nightjar.rerun(uuid, text)'::regprocedure);
    changed constant text := replace(body, 'WHERE e.event_id = old.event_id;', 'WHERE e.event_id = old.event_id FOR KEY SHARE;');
BEGIN
    IF changed = body THEN
        RAISE EXCEPTION 'nightjar.rerun does not read its event as expected';
    END IF;
    EXECUTE changed;
END $$;

-- Deletes a chunk of what tenants with shorter policies than the longest want no more. Goes through the log in the order of the
-- ids from where it was, a few thousand rows of all tenants at a time; once in four weeks from the beginning, for what was unfinished
-- when it passed. Answers whether there is more to do.
-- Locks: the sweep's row, SKIP LOCKED; those of delete_runs and delete_events. Indexes: runs_pkey, outcomes_pkey, events_pkey.
CREATE FUNCTION nightjar.sweep(chunk int DEFAULT 2000) RETURNS TABLE (examined int, deleted int, more boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    s nightjar.retention_sweeps;
    before timestamptz;
    upto uuid;
    ids uuid[];
    last uuid;
BEGIN
    INSERT INTO nightjar.retention_sweeps (tenant_id, log)
    SELECT r.tenant_id, r.log FROM nightjar.tenant_retention r
    WHERE r.keep IS NOT NULL AND now() - r.keep IS DISTINCT FROM nightjar.kept_since(r.log)
    ON CONFLICT DO NOTHING;
    DELETE FROM nightjar.retention_sweeps d
    WHERE NOT EXISTS (SELECT FROM nightjar.tenant_retention r
                      WHERE r.tenant_id = d.tenant_id AND r.log = d.log AND r.keep IS NOT NULL
                        AND now() - r.keep IS DISTINCT FROM nightjar.kept_since(r.log));
    SELECT w.* INTO s FROM nightjar.retention_sweeps w
    WHERE w.ended_at IS NULL OR w.ended_at < now() - interval '1 day'
    ORDER BY w.ended_at NULLS FIRST, w.tenant_id, w.log DESC LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 0, 0, false;
        RETURN;
    END IF;
    IF s.ended_at IS NOT NULL AND s.full_at < now() - interval '28 days' THEN
        s.reached := '00000000-0000-0000-0000-000000000000';
        s.full_at := now();
    END IF;
    SELECT now() - r.keep INTO before FROM nightjar.tenant_retention r WHERE r.tenant_id = s.tenant_id AND r.log = s.log;
    upto := nightjar.uuid7_floor(greatest(before, '1970-01-01'));
    IF s.log = 'runs' THEN
        SELECT count(*), (array_agg(r.run_id ORDER BY r.run_id DESC))[1],
               array_agg(r.run_id) FILTER (WHERE r.tenant_id = s.tenant_id AND EXISTS (
                   SELECT FROM nightjar.outcomes o WHERE o.run_id = r.run_id AND o.ended_at < before))
        INTO examined, last, ids
        FROM (SELECT r.run_id, r.tenant_id FROM nightjar.runs r WHERE r.run_id > s.reached AND r.run_id < upto
              ORDER BY r.run_id LIMIT chunk) r;
        deleted := coalesce(nightjar.delete_runs(ids), 0);
    ELSE
        SELECT count(*), (array_agg(e.event_id ORDER BY e.event_id DESC))[1], array_agg(e.event_id) FILTER (WHERE e.tenant_id = s.tenant_id)
        INTO examined, last, ids
        FROM (SELECT e.event_id, e.tenant_id FROM nightjar.events e WHERE e.event_id > s.reached AND e.event_id < upto
              ORDER BY e.event_id LIMIT chunk) e;
        deleted := CASE WHEN ids IS NULL THEN 0 ELSE nightjar.delete_events(ids) END;
    END IF;
    UPDATE nightjar.retention_sweeps w
    SET reached = coalesce(last, s.reached), full_at = s.full_at, examined = w.examined + sweep.examined,
        deleted = w.deleted + sweep.deleted, ended_at = CASE WHEN sweep.examined < chunk THEN now() END
    WHERE w.tenant_id = s.tenant_id AND w.log = s.log;
    more := true;       -- of this one, or of another
    RETURN NEXT;
END $$;

-- Removes what is left over in tables without partitions, up to `most` rows of each. Answers how many.
-- Locks: those rows, SKIP LOCKED; a singleton's key as nightjar.admit does (see gate_locks in 0015).
CREATE FUNCTION nightjar.tidy(most int DEFAULT 1000) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = on SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    total int := 0;
    count int;
    idle record;
    dropped constant uuid := nightjar.uuid7_floor(greatest(nightjar.kept_since('runs'), '1970-01-01'));
BEGIN
    -- Runs that are no longer kept.
    DELETE FROM nightjar.interruptions i WHERE i.run_id = ANY (ARRAY(
        SELECT n.run_id FROM nightjar.interruptions n
        WHERE n.run_id < dropped AND n.at < now() - interval '1 day'
          AND NOT EXISTS (SELECT FROM nightjar.outcomes o WHERE o.run_id = n.run_id)
        ORDER BY n.run_id LIMIT most FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS count = ROW_COUNT;
    total := total + count;
    DELETE FROM nightjar.run_events b WHERE b.run_id = ANY (ARRAY(
        SELECT DISTINCT n.run_id FROM (SELECT n.run_id FROM nightjar.run_events n WHERE n.run_id < dropped ORDER BY n.run_id LIMIT most) n
        WHERE NOT EXISTS (SELECT FROM nightjar.runs r WHERE r.run_id = n.run_id)));
    GET DIAGNOSTICS count = ROW_COUNT;
    total := total + count;
    DELETE FROM nightjar.bulk_cancels b WHERE b.bulk_id = ANY (ARRAY(
        SELECT d.bulk_id FROM nightjar.bulk_cancels d WHERE d.state = 3 AND d.ended_at < now() - interval '90 days'
        ORDER BY d.bulk_id LIMIT most FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS count = ROW_COUNT;
    total := total + count;
    -- A counter has nothing to say after its period, a throttle after its moment. Index: flow_counters_at.
    DELETE FROM nightjar.flow_counters c WHERE c.ctid = ANY (ARRAY(
        SELECT d.ctid FROM nightjar.flow_counters d
        LEFT JOIN nightjar.functions f ON f.function_id = d.function_id
        WHERE d.at < now() - interval '1 day'
          AND d.at < now() - coalesce((f.flow #>> ARRAY[d.kind, 'period_ms'])::float8 * interval '1 ms', '0')
        ORDER BY d.at LIMIT most FOR UPDATE OF d SKIP LOCKED));
    GET DIAGNOSTICS count = ROW_COUNT;
    total := total + count;
    -- Each in a statement of its own, which sees what whoever had the lock before has done.
    FOR idle IN SELECT n.function_id, n.key FROM nightjar.singletons n
             WHERE NOT EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = n.run_id) LIMIT most LOOP
        IF pg_try_advisory_xact_lock((hashtextextended('singleton', idle.function_id) & ~63::bigint) | (hashtextextended(idle.key, 0) & 63)) THEN
            DELETE FROM nightjar.singletons n
            WHERE n.function_id = idle.function_id AND n.key = idle.key
              AND NOT EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = n.run_id);
            total := total + 1;
        END IF;
    END LOOP;
    DELETE FROM nightjar.signals s WHERE s.ctid = ANY (ARRAY(
        SELECT d.ctid FROM nightjar.signals d
        WHERE NOT EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = d.run_id) LIMIT most FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS count = ROW_COUNT;
    total := total + count;
    DELETE FROM nightjar.retention_weeks w WHERE w.dropped_at < now() - interval '1 year';
    RETURN total;
END $$;

REVOKE EXECUTE ON FUNCTION
    nightjar.set_retention(text, interval, text), nightjar.reset_retention(text, text),
    nightjar.needed_runs(uuid, uuid, timestamptz), nightjar.needed_keys(uuid, uuid),
    nightjar.needed_events(uuid, uuid, timestamptz), nightjar.retention_plan(), nightjar.delete_runs(uuid[]),
    nightjar.delete_events(uuid[]), nightjar.sweep(int), nightjar.tidy(int) FROM PUBLIC;

-- ---------------------------------------------------------------------------------------------------------------------
-- Erasing on demand
-- ---------------------------------------------------------------------------------------------------------------------

-- One row per request. Workers, or whoever calls nightjar.erase_advance, go through the events, and for a time limit then through
-- the runs, once.
CREATE TABLE nightjar.erasures (
    erase_id  uuid NOT NULL DEFAULT nightjar.uuid7() PRIMARY KEY,
    tenant_id int NOT NULL,
    event_id  uuid,                         -- this event only
    path      text[],                       -- events with this value there
    value     jsonb,                        -- null once it is done: it may be a person's name
    before    timestamptz,                  -- what is older
    cancels   boolean NOT NULL,             -- unfinished runs are cancelled, else they stay with all that they need
    actor     text NOT NULL,
    reason    text,
    asked_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    upto      uuid NOT NULL,                -- events from this id on are left alone
    state     smallint NOT NULL DEFAULT 1,  -- 1 running, 3 done
    phase     smallint NOT NULL DEFAULT 1,  -- 1 events, 2 runs
    reached   uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    again     boolean NOT NULL DEFAULT false,   -- something is to end first: another passage
    examined  bigint NOT NULL DEFAULT 0,
    events    bigint NOT NULL DEFAULT 0,
    runs      bigint NOT NULL DEFAULT 0,
    spared    bigint NOT NULL DEFAULT 0,    -- events, or runs beyond them, left to unfinished runs in the last passage
    advanced_at timestamptz,
    ended_at  timestamptz
);
CREATE INDEX erasures_running ON nightjar.erasures (erase_id) WHERE state = 1;

-- The runs that a request in progress has erased: events that speak of them are erased too. Emptied at its end.
CREATE TABLE nightjar.erased_runs (
    erase_id uuid NOT NULL,
    run_id   text NOT NULL,
    PRIMARY KEY (erase_id, run_id)
);

-- Whether an event is meant: it has the value, or tells of a run that such an event started, or was sent by one to invoke another.
CREATE FUNCTION nightjar.is_erased(e nightjar.events, r nightjar.erasures) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF e.tenant_id <> r.tenant_id THEN
        RETURN false;
    ELSIF r.before IS NOT NULL THEN
        RETURN e.received_at < r.before;
    ELSIF e.event_id = r.event_id
          OR r.path IS NOT NULL AND nightjar.event_value(r.path, e.name, e.data, e."user", e.id, e.ts) = r.value THEN
        RETURN true;
    ELSIF NOT starts_with(e.name, 'inngest/') THEN
        RETURN false;
    END IF;
    RETURN r.path IS NOT NULL AND (e.data -> 'event') #> r.path = r.value
        OR e.data #>> '{event,id}' = r.event_id::text
        OR EXISTS (SELECT FROM nightjar.erased_runs x
                   WHERE x.erase_id = r.erase_id AND x.run_id IN (e.data ->> 'run_id', e.data #>> '{_nightjar,parent}'));
END $$;

-- The request that arguments mean, or an error that says what is wrong with them.
CREATE FUNCTION nightjar.erasure(event uuid, path text, value jsonb, before timestamptz, cancels boolean, actor text, reason text)
RETURNS nightjar.erasures LANGUAGE plpgsql STABLE AS $$
DECLARE
    r nightjar.erasures;
BEGIN
    IF num_nonnulls(event, path, before) <> 1 THEN
        RAISE EXCEPTION 'say what is to be erased: an event, a path with a value, or a time' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'event => id; path => ''data.email'', value => ''"ada@example.org"''; or before => ''2026-01-01''.';
    ELSIF (path IS NULL) <> (value IS NULL) THEN
        RAISE EXCEPTION 'a path and a value belong together' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'path => ''user.id'', value => ''7''. A string is JSON: ''"ada"''.';
    ELSIF path IS NOT NULL AND path !~ '^(data|user)(\.[^.]+)+$' THEN
        RAISE EXCEPTION 'the path "%" is none of an event''s content', path USING ERRCODE = 'invalid_parameter_value',
            HINT = 'It begins with "data." or "user.", such as data.customer.email.';
    END IF;
    r.erase_id := nightjar.uuid7();
    r.tenant_id := nightjar.current_tenant();
    r.event_id := event;
    r.path := string_to_array(path, '.');
    r.value := value;
    r.before := CASE WHEN before IS NOT NULL THEN least(before, clock_timestamp()) END;
    r.cancels := cancels;
    r.actor := actor;
    r.reason := reason;
    r.asked_at := clock_timestamp();
    -- Beyond now: ids may be of a clock that is ahead.
    r.upto := nightjar.uuid7_floor(clock_timestamp() + interval '5 weeks');
    IF r.event_id IS NOT NULL AND NOT EXISTS (
           SELECT FROM nightjar.events e WHERE e.event_id = r.event_id AND e.tenant_id = r.tenant_id) THEN
        RAISE EXCEPTION 'there is no event %', event USING ERRCODE = 'no_data_found',
            HINT = 'Give the id under which it is stored, as ''nightjar events'' lists it.';
    END IF;
    RETURN r;
END $$;

-- The unfinished runs that a request would hit. Reads the whole of `live`, with the runs' events.
CREATE FUNCTION nightjar.erased_live_runs(r nightjar.erasures) RETURNS SETOF uuid LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT l.run_id FROM nightjar.live l
    WHERE l.tenant_id = r.tenant_id AND (
        r.before IS NOT NULL AND nightjar.uuid7_time(l.run_id) < r.before
        OR EXISTS (SELECT FROM nightjar.events e
                   WHERE e.event_id IN (SELECT l.event_id UNION ALL
                                        SELECT b.event_id FROM nightjar.run_events b WHERE l.batched AND b.run_id = l.run_id)
                     AND nightjar.is_erased(e, r)));
END $$;

-- Asks for the erasure of an event, of all events with a value at a path, or of what is older than an instant; with the runs that
-- they started, their steps and outcomes, and the system events that tell of them. Answers the request's id; workers carry it out.
-- Unfinished runs are cancelled first if `cancel`; else there must be none.
CREATE FUNCTION nightjar.erase(event uuid DEFAULT NULL, path text DEFAULT NULL, value jsonb DEFAULT NULL,
                               before timestamptz DEFAULT NULL, cancel boolean DEFAULT false, actor text DEFAULT session_user,
                               reason text DEFAULT NULL) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    r nightjar.erasures := nightjar.erasure(event, path, value, before, cancel, actor, reason);
    unfinished bigint;
BEGIN
    IF NOT cancel THEN
        SELECT count(*) INTO unfinished FROM nightjar.erased_live_runs(r);
        IF unfinished > 0 THEN
            RAISE EXCEPTION '% of the runs that would be erased have not ended', unfinished
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Say cancel => true, which cancels them first, or wait for their end.';
        END IF;
    END IF;
    INSERT INTO nightjar.erasures (erase_id, tenant_id, event_id, path, value, before, cancels, actor, reason, upto)
    VALUES (r.erase_id, r.tenant_id, r.event_id, r.path, r.value, r.before, r.cancels, r.actor, r.reason, r.upto);
    RETURN r.erase_id;
END $$;

-- What a request would erase now: nothing is changed. Reads all events of the tenant's, and for a time limit its runs.
CREATE FUNCTION nightjar.erase_preview(event uuid DEFAULT NULL, path text DEFAULT NULL, value jsonb DEFAULT NULL,
                                       before timestamptz DEFAULT NULL)
RETURNS TABLE (events bigint, runs bigint, live_runs bigint, first_at timestamptz, last_at timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    r constant nightjar.erasures := nightjar.erasure(event, path, value, before, false, '', NULL);
BEGIN
    RETURN QUERY
    WITH meant AS MATERIALIZED (
        SELECT e.event_id, e.received_at FROM nightjar.events e
        WHERE e.tenant_id = r.tenant_id AND (r.event_id IS NULL OR e.event_id = r.event_id OR starts_with(e.name, 'inngest/'))
          AND nightjar.is_erased(e, r)
    ), started AS (
        SELECT q.run_id FROM nightjar.runs q WHERE q.event_id IN (SELECT m.event_id FROM meant m)
        UNION SELECT b.run_id FROM nightjar.run_events b WHERE b.event_id IN (SELECT m.event_id FROM meant m)
        UNION SELECT q.run_id FROM nightjar.runs q
              WHERE q.tenant_id = r.tenant_id AND q.run_id < nightjar.uuid7_floor(greatest(r.before, '1970-01-01'))
    )
    SELECT (SELECT count(*) FROM meant), (SELECT count(*) FROM started), (SELECT count(*) FROM nightjar.erased_live_runs(r)),
           (SELECT min(m.received_at) FROM meant m), (SELECT max(m.received_at) FROM meant m);
END $$;

-- Carries a request one chunk further: the one that is named, or any that is running. No row: nothing to do. `waits`: what is
-- left is to end first; ask again a little later.
-- Locks: the request's row, SKIP LOCKED → live rows that nobody leases, SKIP LOCKED (nightjar.cancel_runs); pending rows by insertion;
-- those of delete_runs and delete_events. Indexes: events_pkey, runs_event in every week, run_events_event, runs_pkey.
CREATE FUNCTION nightjar.erase_advance(chunk int DEFAULT 1000, erase_id uuid DEFAULT NULL)
RETURNS TABLE (request uuid, state smallint, examined bigint, events bigint, runs bigint, spared bigint, waits boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    r nightjar.erasures;
    seen int;
    last uuid;
    found_events uuid[];
    found_runs uuid[];
    unfinished uuid[];
    gone_events int := 0;
    gone_runs int := 0;
    left_over int := 0;
    at_end boolean;
BEGIN
    SELECT c.* INTO r FROM nightjar.erasures c
    WHERE c.state = 1 AND (erase_advance.erase_id IS NULL OR c.erase_id = erase_advance.erase_id)
    ORDER BY c.advanced_at NULLS FIRST, c.erase_id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    IF r.phase = 1 THEN
        SELECT count(*), (array_agg((e.e).event_id ORDER BY (e.e).event_id DESC))[1],
               array_agg((e.e).event_id) FILTER (WHERE nightjar.is_erased(e.e, r))
        INTO seen, last, found_events
        FROM (SELECT e FROM nightjar.events e
              WHERE e.event_id > CASE WHEN r.reached < r.event_id THEN nightjar.uuid7_floor(nightjar.uuid7_time(r.event_id)) ELSE r.reached END
                AND e.event_id < r.upto
              ORDER BY e.event_id LIMIT chunk) e;
        found_runs := ARRAY(SELECT q.run_id FROM nightjar.runs q WHERE q.event_id = ANY (found_events)
                            UNION SELECT b.run_id FROM nightjar.run_events b WHERE b.event_id = ANY (found_events));
    ELSE
        SELECT count(*), (array_agg(q.run_id ORDER BY q.run_id DESC))[1], array_agg(q.run_id) FILTER (WHERE q.tenant_id = r.tenant_id)
        INTO seen, last, found_runs
        FROM (SELECT q.run_id, q.tenant_id FROM nightjar.runs q
              WHERE q.run_id > r.reached AND q.run_id < nightjar.uuid7_floor(r.before) ORDER BY q.run_id LIMIT chunk) q;
    END IF;
    unfinished := ARRAY(SELECT l.run_id FROM nightjar.live l WHERE l.run_id = ANY (found_runs) ORDER BY l.run_id);

    IF cardinality(unfinished) > 0 AND r.cancels THEN
        PERFORM FROM nightjar.cancel_runs(unfinished, array_fill(jsonb_strip_nulls(jsonb_build_object(
            'kind', 'manual', 'actor', r.actor, 'reason', coalesce(r.reason, 'erased'), 'asked_at', r.asked_at)),
            ARRAY[cardinality(unfinished)]), false);
        INSERT INTO nightjar.pending (tenant_id, key, seq, asked_at, actor, cause)
        SELECT l.tenant_id, l.run_id, nextval('nightjar.event_seq'), r.asked_at, r.actor,
               jsonb_build_object('kind', 'manual', 'reason', coalesce(r.reason, 'erased'))
        FROM nightjar.live l
        WHERE l.run_id = ANY (unfinished)
          AND NOT EXISTS (SELECT FROM nightjar.pending p WHERE p.tenant_id = l.tenant_id AND p.key = l.run_id)
        ORDER BY l.run_id;
        PERFORM nightjar.hint('ready pending');
    END IF;

    INSERT INTO nightjar.erased_runs (erase_id, run_id) SELECT r.erase_id, f::text FROM unnest(found_runs) f
    WHERE r.before IS NULL ON CONFLICT DO NOTHING;
    gone_runs := coalesce(nightjar.delete_runs(found_runs), 0);
    IF found_events IS NOT NULL THEN
        -- What waits to start a run together, or is put off.
        DELETE FROM nightjar.gathered g WHERE g.event_id = ANY (found_events) AND (r.cancels OR r.before IS NULL);
        gone_events := nightjar.delete_events(found_events);
        left_over := cardinality(found_events) - gone_events;
    ELSE
        left_over := (SELECT count(*) FROM nightjar.live l WHERE l.run_id = ANY (found_runs));
    END IF;

    at_end := seen < chunk;
    UPDATE nightjar.erasures c
    SET examined = c.examined + seen, events = c.events + gone_events, runs = c.runs + gone_runs,
        spared = CASE WHEN r.reached = '00000000-0000-0000-0000-000000000000' AND r.phase = 1 THEN 0 ELSE c.spared END + left_over,
        again = (c.again AND NOT at_end) OR left_over > 0 AND NOT at_end,
        advanced_at = clock_timestamp(),
        reached = CASE WHEN at_end THEN '00000000-0000-0000-0000-000000000000' ELSE last END,
        phase = CASE WHEN NOT at_end THEN c.phase
                     -- With what was in the way gone, or until somebody waits no more for it.
                     WHEN (c.again OR left_over > 0) AND c.cancels THEN 1
                     WHEN c.phase = 1 AND c.before IS NOT NULL THEN 2 ELSE 1 END,
        state = CASE WHEN at_end AND NOT ((c.again OR left_over > 0) AND c.cancels) AND (c.phase = 2 OR c.before IS NULL) THEN 3 ELSE 1 END
    WHERE c.erase_id = r.erase_id
    RETURNING c.* INTO r;
    IF r.state = 3 THEN
        DELETE FROM nightjar.erased_runs x WHERE x.erase_id = r.erase_id;
        UPDATE nightjar.erasures c SET value = NULL, ended_at = clock_timestamp() WHERE c.erase_id = r.erase_id;
    END IF;
    RETURN QUERY SELECT r.erase_id, r.state, r.examined, r.events, r.runs, r.spared, at_end AND r.state = 1 AND r.phase = 1;
END $$;

REVOKE EXECUTE ON FUNCTION
    nightjar.is_erased(nightjar.events, nightjar.erasures),
    nightjar.erasure(uuid, text, jsonb, timestamptz, boolean, text, text), nightjar.erased_live_runs(nightjar.erasures),
    nightjar.erase(uuid, text, jsonb, timestamptz, boolean, text, text), nightjar.erase_preview(uuid, text, jsonb, timestamptz),
    nightjar.erase_advance(int, uuid) FROM PUBLIC;

-- ---------------------------------------------------------------------------------------------------------------------
-- What must never be seen
-- ---------------------------------------------------------------------------------------------------------------------

-- As in 0013, but what was dropped or erased may be missing. Must be empty, after any commit and in any snapshot. It reads everything: for tests, doctors and incidents.
CREATE OR REPLACE VIEW nightjar.invariants AS
SELECT 'a run has exactly one live row or one outcome' AS violated, r.run_id,
       CASE WHEN l.run_id IS NULL THEN 'neither' ELSE 'both' END AS detail
FROM nightjar.runs r
LEFT JOIN nightjar.live l ON l.run_id = r.run_id
LEFT JOIN nightjar.outcomes o ON o.run_id = r.run_id
WHERE (l.run_id IS NULL) = (o.run_id IS NULL)
UNION ALL
SELECT 'a live row belongs to a run', l.run_id, NULL
FROM nightjar.live l LEFT JOIN nightjar.runs r ON r.run_id = l.run_id WHERE r.run_id IS NULL
UNION ALL
SELECT 'an outcome belongs to a run', o.run_id, NULL
FROM nightjar.outcomes o LEFT JOIN nightjar.runs r ON r.run_id = o.run_id WHERE r.run_id IS NULL
UNION ALL
SELECT 'a wait belongs to a live run of its tenant', w.run_id, w.key::text
FROM nightjar.waits w LEFT JOIN nightjar.live l ON l.run_id = w.run_id AND l.tenant_id = w.tenant_id
WHERE l.run_id IS NULL
UNION ALL
SELECT 'a wait for an answer belongs to an open step without one', w.run_id, w.policy_id::text
FROM nightjar.waits w LEFT JOIN nightjar.open_steps o ON o.run_id = w.run_id AND o.slot = -w.policy_id / 16
WHERE w.purpose = 2 AND (o.run_id IS NULL OR o.arrived IS NOT NULL)
UNION ALL
SELECT 'an open step belongs to a live run and is not recorded', o.run_id, o.step
FROM nightjar.open_steps o
LEFT JOIN nightjar.live l ON l.run_id = o.run_id AND l.tenant_id = o.tenant_id
LEFT JOIN nightjar.steps s ON s.run_id = o.run_id AND s.step = o.step
WHERE l.run_id IS NULL OR s.run_id IS NOT NULL
UNION ALL
SELECT 'exactly a leased run has a session', l.run_id, l.state::text
FROM nightjar.live l WHERE (l.state = 1) <> (l.session_id IS NOT NULL)
UNION ALL
SELECT 'a lease names a session that is known', l.run_id, l.session_id::text
FROM nightjar.live l LEFT JOIN nightjar.sessions s ON s.session_id = l.session_id
WHERE l.session_id IS NOT NULL AND s.session_id IS NULL
UNION ALL
SELECT 'exactly a run that waits for a time has one', l.run_id, l.state::text
FROM nightjar.live l WHERE (l.state >= 2) <> (l.due_at IS NOT NULL)
UNION ALL
SELECT 'nothing is recorded after the end', s.run_id, s.step
FROM nightjar.steps s JOIN nightjar.outcomes o ON o.run_id = s.run_id WHERE s.recorded_at > o.ended_at
UNION ALL
SELECT 'a step has no attempt after the one that ended it', s.run_id, s.step
FROM nightjar.steps s JOIN nightjar.attempts t ON t.run_id = s.run_id AND t.step = s.step AND t.attempt >= s.attempt
UNION ALL
SELECT 'a cancel by an event comes from a later event of the same tenant', o.run_id, o.cause::text
FROM nightjar.outcomes o JOIN nightjar.runs r ON r.run_id = o.run_id
LEFT JOIN nightjar.events e ON e.event_id = (o.cause ->> 'event_id')::uuid
WHERE o.cause ->> 'kind' = 'event'
  AND CASE WHEN e.event_id IS NOT NULL THEN e.seq <= r.event_seq OR e.tenant_id <> r.tenant_id
           -- Events are kept for less long than runs, or were erased: the run itself remembers the number.
           WHEN EXISTS (SELECT FROM nightjar.retention_weeks) OR EXISTS (SELECT FROM nightjar.retention_sweeps)
                OR EXISTS (SELECT FROM nightjar.erasures) THEN (o.cause ->> 'event_seq')::bigint <= r.event_seq
           ELSE true END
UNION ALL
SELECT 'a cancelled run has a cause, no other has one', o.run_id, o.status::text
FROM nightjar.outcomes o WHERE (o.status = 3) <> coalesce(o.cause ? 'kind' AND o.cause ? 'asked_at' AND o.cause ? 'applied_at', false)
UNION ALL
SELECT 'a cancelled run that was executing is known as interrupted', o.run_id, o.cause ->> 'session'
FROM nightjar.outcomes o LEFT JOIN nightjar.interruptions i ON i.run_id = o.run_id
WHERE o.cause ->> 'session' IS NOT NULL AND i.run_id IS NULL
UNION ALL
SELECT 'an event starts a function once', min(r.run_id::text)::uuid, count(*)::text
FROM nightjar.runs r WHERE r.rerun_of IS NULL GROUP BY r.event_id, r.function_id HAVING count(*) > 1;

INSERT INTO nightjar.migrations (version, name) VALUES (23, 'retention');
