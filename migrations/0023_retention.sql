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
    ELSIF keep < interval '1 day' OR keep > interval '1000 years'
          -- Of '1 month -29 days' nobody knows whether it is before now or after.
          OR least(extract(year FROM keep), extract(month FROM keep), extract(day FROM keep), extract(hour FROM keep),
                   extract(minute FROM keep), extract(second FROM keep)) < 0 THEN
        RAISE EXCEPTION 'a log cannot be kept for %', keep USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Use a day or more, such as 30 days; null keeps it for ever.';
    ELSIF tenant IS NOT NULL AND log = 'match_log' THEN
        RAISE EXCEPTION 'match_log has one policy for all tenants' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'It holds hashes, no content; set the tenant''s events and runs.';
    END IF;
    IF tenant IS NOT NULL THEN
        owner := nightjar.tenant_number(tenant);
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
DECLARE
    owner constant int := nightjar.tenant_number(tenant);
BEGIN
    IF owner = 0 THEN
        RAISE EXCEPTION 'the policy for all tenants cannot be taken away' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Set another: null keeps a log for ever.';
    END IF;
    DELETE FROM nightjar.retention r WHERE r.tenant_id = owner AND r.log = reset_retention.log;
    RETURN FOUND;
END $$;

-- One of a tenant's policies as nightjar.set_tenant takes it (0026): an interval as text, "forever", or null, as for all others.
CREATE FUNCTION nightjar.set_tenant_retention(tenant int, log text, keep jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF jsonb_typeof(keep) = 'null' THEN
        PERFORM nightjar.reset_retention(log, tenant::text);
    ELSIF jsonb_typeof(keep) = 'string' THEN
        PERFORM nightjar.set_retention(log, nullif(keep #>> '{}', 'forever')::interval, tenant::text);
    ELSE
        RAISE EXCEPTION 'keep_% cannot be %', log, keep USING ERRCODE = 'invalid_parameter_value',
            HINT = 'It is an interval such as "30 days", "forever", or null for as long as all others'' are kept.';
    END IF;
EXCEPTION WHEN invalid_datetime_format OR datetime_field_overflow THEN
    RAISE EXCEPTION 'keep_% cannot be %', log, keep USING ERRCODE = 'invalid_parameter_value',
        HINT = 'It is an interval such as "30 days", "forever", or null for as long as all others'' are kept.';
END $$;

-- For how long each tenant's rows are kept. Null: for ever.
CREATE VIEW nightjar.tenant_retention AS
SELECT t.tenant_id, t.name AS tenant, d.log, CASE WHEN o.log IS NULL THEN d.keep ELSE o.keep END AS keep, o.log IS NOT NULL AS own
FROM nightjar.tenants t
JOIN nightjar.retention d ON d.tenant_id = 0 AND d.log <> 'match_log'
LEFT JOIN nightjar.retention o ON o.tenant_id = t.tenant_id AND o.log = d.log
WHERE t.state <> 4 AND t.tenant_id > 0;

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

-- The weeks that are no longer wanted, the oldest first; `late`: since so long. The last one before this week always stays: an id may
-- be made in it until now. Events stay for a week more than their keys, which may be logged as much later.
CREATE FUNCTION nightjar.due_weeks(late interval DEFAULT '0')
RETURNS TABLE (log text, week date, tables text[], loose text[], bytes bigint, lower_id uuid, upper_id uuid)
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

-- The runs between two ids of which everything is needed: unfinished ones, and those that have ended since an instant (null: ever).
-- No run enters this set later: ids are made at the start, and what has ended stays ended.
CREATE FUNCTION nightjar.needed_runs(lower_id uuid, upper_id uuid, since timestamptz) RETURNS SETOF uuid LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT l.run_id FROM nightjar.live l WHERE l.run_id >= lower_id AND l.run_id < upper_id
    UNION
    SELECT o.run_id FROM nightjar.outcomes o WHERE o.run_id >= lower_id AND o.run_id < upper_id
      AND (since IS NULL OR o.ended_at >= since);
END $$;

-- What cancels an event that is gathered, and not yet a run.
CREATE VIEW nightjar.gathered_keys AS
SELECT g.tenant_id, k.key, g.seq AS since
FROM nightjar.gathered g JOIN nightjar.events e ON e.event_id = g.event_id
CROSS JOIN LATERAL nightjar.cancel_keys(g.function_id, e.name, e.data, e."user", e.id, e.event_id, e.ts) k;

-- What somebody has still to look for in the log of keys, from which number on: a run at its first claim, a newcomer, a step that was
-- not searched for since it began to wait, and what is gathered, when it starts a run.
CREATE VIEW nightjar.sought_keys AS
SELECT w.tenant_id, w.key, w.since, l.run_id
FROM nightjar.live l JOIN nightjar.waits w ON w.run_id = l.run_id AND w.purpose = 1
WHERE l.epoch = 0 AND (NOT l.newcomer OR EXISTS (SELECT FROM nightjar.newcomers n WHERE n.run_id = l.run_id))
UNION ALL
SELECT w.tenant_id, w.key, w.since, o.run_id
FROM nightjar.open_steps o JOIN nightjar.waits w ON w.run_id = o.run_id AND w.purpose = 2 AND -w.policy_id / 16 = o.slot
WHERE NOT o.looked
UNION ALL
SELECT g.tenant_id, g.key, g.since, NULL FROM nightjar.gathered_keys g;

-- The logged keys between two ids that somebody has still to look for. A run begins no later than an hour after them.
CREATE FUNCTION nightjar.needed_keys(lower_id uuid, upper_id uuid) RETURNS SETOF nightjar.match_log LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT DISTINCT m.* FROM nightjar.sought_keys s
    JOIN nightjar.match_log m ON m.tenant_id = s.tenant_id AND m.key = s.key AND m.seq > s.since
    WHERE m.log_id >= lower_id AND m.log_id < upper_id
      AND (s.run_id IS NULL OR s.run_id < nightjar.uuid7_floor(nightjar.uuid7_time(upper_id) + interval '2 hours'));
END $$;

-- The events from one id to another that unfinished work holds: triggers of unfinished runs, what has arrived for their steps,
-- what is gathered or pending. `since`: of the triggers only those of runs that began after it.
CREATE FUNCTION nightjar.held_events(lower_id uuid, upper_id uuid, since timestamptz DEFAULT '1970-01-01') RETURNS SETOF uuid
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT o.arrived FROM nightjar.open_steps o WHERE o.arrived >= lower_id AND o.arrived <= upper_id
    UNION SELECT g.event_id FROM nightjar.gathered g WHERE g.event_id >= lower_id AND g.event_id <= upper_id
    UNION SELECT p.event_id FROM nightjar.pending p WHERE p.event_id >= lower_id AND p.event_id <= upper_id
    UNION SELECT l.event_id FROM nightjar.live l
          WHERE l.run_id >= nightjar.uuid7_floor(since) AND l.event_id >= lower_id AND l.event_id <= upper_id
    UNION SELECT b.event_id FROM nightjar.live l JOIN nightjar.run_events b ON b.run_id = l.run_id
          WHERE l.run_id >= nightjar.uuid7_floor(since) AND b.event_id >= lower_id AND b.event_id <= upper_id;
END $$;

-- As well as those that unfinished work may find in the log of keys. In the whole log: an event's own id may be of another clock's
-- making, its log's is the server's.
CREATE FUNCTION nightjar.needed_events(lower_id uuid, upper_id uuid) RETURNS SETOF uuid LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT nightjar.held_events(lower_id, upper_id)
    UNION SELECT m.event_id FROM nightjar.sought_keys s
          JOIN nightjar.match_log m ON m.tenant_id = s.tenant_id AND m.key = s.key AND m.seq > s.since
          WHERE m.event_id >= lower_id AND m.event_id <= upper_id;
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
    DELETE FROM nightjar.signals g WHERE g.run_id = ANY (doomed);
    DELETE FROM nightjar.outcomes o WHERE o.run_id = ANY (doomed) AND o.run_id >= lowest AND o.run_id <= highest;
    DELETE FROM nightjar.runs r WHERE r.run_id = ANY (doomed) AND r.run_id >= lowest AND r.run_id <= highest;
    GET DIAGNOSTICS count = ROW_COUNT;
    RETURN count;
END $$;

-- Up to which moment it is settled who was there: every transaction that was open then has ended, so the runs that it started
-- can be seen. One row.
CREATE TABLE nightjar.settlement (
    marked_at  timestamptz NOT NULL,        -- the next such moment,
    waits_for  text[] NOT NULL,             -- once these have ended
    settled_at timestamptz NOT NULL
);
INSERT INTO nightjar.settlement VALUES ('-infinity', '{}', '-infinity');

-- Carries it on, and answers it. Locks: the row, SKIP LOCKED: whoever has it does the same.
CREATE FUNCTION nightjar.settled() RETURNS timestamptz
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    s nightjar.settlement;
    at constant timestamptz := clock_timestamp();       -- first the clock
    still constant text[] := nightjar.open_transactions();
BEGIN
    SELECT g.* INTO s FROM nightjar.settlement g FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN (SELECT g.settled_at FROM nightjar.settlement g);
    END IF;
    -- One that is prepared goes on under another name: it may be one of them.
    s.waits_for := ARRAY(SELECT w FROM unnest(still) w WHERE w = ANY (s.waits_for) OR starts_with(w, 'prepared '));
    IF s.waits_for = '{}' THEN
        s := (at, still, s.marked_at);
        IF still = '{}' THEN
            s.settled_at := at;
        END IF;
    END IF;
    UPDATE nightjar.settlement g SET marked_at = s.marked_at, waits_for = s.waits_for, settled_at = s.settled_at;
    RETURN s.settled_at;
END $$;

-- Deletes events and their logged keys, but for those that unfinished work needs or may come to need, or somebody holds. Answers
-- how many. A run whose transaction is open may have to find an event that came after its own in the log: so what was received
-- since then stays.
-- Two statements: what committed before the rows were locked is seen by the second. nightjar.rerun locks the event that it reads.
-- Reads the whole of `live` once. Locks: the events' rows, SKIP LOCKED. Indexes: events_pkey, match_log_key, waits_key, live_pkey.
CREATE FUNCTION nightjar.delete_events(event_ids uuid[]) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    settled constant timestamptz := nightjar.settled();
    doomed uuid[];
    lowest uuid;
    highest uuid;
    keyed uuid[];
    tenants int[];
    keys uuid[];
    seqs bigint[];
    count int;
BEGIN
    SELECT min(i::text)::uuid, max(i::text)::uuid INTO lowest, highest FROM unnest(event_ids) i;
    doomed := ARRAY(SELECT e.event_id FROM nightjar.events e
                    WHERE e.event_id = ANY (event_ids) AND e.event_id >= lowest AND e.event_id <= highest AND e.received_at < settled
                    ORDER BY e.event_id FOR UPDATE SKIP LOCKED);
    doomed := ARRAY(SELECT i FROM unnest(doomed) i EXCEPT SELECT nightjar.held_events(lowest, highest));
    SELECT array_agg(e.event_id), array_agg(e.tenant_id), array_agg(e.key), array_agg(e.seq) INTO keyed, tenants, keys, seqs
    FROM (SELECT e.event_id, e.tenant_id, e.seq, k.key
          FROM (SELECT * FROM nightjar.events e
                WHERE e.event_id = ANY (doomed) AND e.event_id >= lowest AND e.event_id <= highest OFFSET 0) e
          CROSS JOIN LATERAL nightjar.event_keys(e.tenant_id, e.name, e.data, e."user", coalesce(e.id, e.event_id::text), e.ts)
              AS k (key)) e;
    -- What nightjar.sought_keys says, by way of the events' keys.
    doomed := ARRAY(SELECT i FROM unnest(doomed) i EXCEPT
        SELECT k.event_id FROM unnest(keyed, tenants, keys, seqs) AS k (event_id, tenant_id, key, seq)
        WHERE EXISTS (
                SELECT FROM (SELECT w.run_id, w.policy_id, w.purpose FROM nightjar.waits w
                             WHERE w.tenant_id = k.tenant_id AND w.key = k.key AND w.since < k.seq OFFSET 0) w
                WHERE CASE w.purpose
                    WHEN 1 THEN EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = w.run_id AND l.epoch = 0 AND (
                                            NOT l.newcomer OR EXISTS (SELECT FROM nightjar.newcomers n WHERE n.run_id = l.run_id)))
                    ELSE EXISTS (SELECT FROM nightjar.open_steps o
                                 WHERE o.run_id = w.run_id AND o.slot = -w.policy_id / 16 AND NOT o.looked) END)
           OR EXISTS (SELECT FROM nightjar.gathered_keys g WHERE g.tenant_id = k.tenant_id AND g.key = k.key AND g.since < k.seq));
    IF cardinality(doomed) = 0 THEN
        RETURN 0;
    END IF;
    DELETE FROM nightjar.match_log m
    USING unnest(keyed, tenants, keys, seqs) AS k (event_id, tenant_id, key, seq)
    WHERE k.event_id = ANY (doomed) AND m.tenant_id = k.tenant_id AND m.key = k.key AND m.seq = k.seq;
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

-- What a step that looks back has found in the log of keys answers it only if the event is there, and stays until that is committed;
-- else the next one counts. What somebody is deleting is looked for again. The rest is as it was.
DO $$
DECLARE
    body text := pg_get_functiondef('nightjar.look_back(int, uuid, text)'::regprocedure);
    piece text[];
BEGIN
    FOREACH piece SLICE 1 IN ARRAY ARRAY[
        [E'    hit uuid;\n', E'    hit uuid;\n    hit_seq bigint;\n    beyond bigint;\n    held boolean;\n'],
        ['SELECT c.event_id, c.policy_id INTO hit, policy FROM (',
         E'held := false;\n        beyond := o.since;\n        LOOP\n'
         '        SELECT c.event_id, c.policy_id, c.seq INTO hit, policy, hit_seq FROM ('],
        ['m.seq > o.since', 'm.seq > beyond'],
        ['e.seq > o.since', 'e.seq > beyond'],
        [E'ORDER BY c.seq LIMIT 1;\n',
         E'ORDER BY c.seq LIMIT 1;\n'
         '        EXIT WHEN hit IS NULL;\n'
         '        PERFORM FROM nightjar.events e WHERE e.event_id = hit FOR KEY SHARE SKIP LOCKED;\n'
         '        EXIT WHEN FOUND;\n'
         '        held := EXISTS (SELECT FROM nightjar.events e WHERE e.event_id = hit);\n'
         '        EXIT WHEN held;\n'
         '        beyond := hit_seq;\n'
         '        END LOOP;\n'
         '        CONTINUE WHEN held;\n']] LOOP
        IF strpos(body, piece[1]) = 0 THEN
            RAISE EXCEPTION 'nightjar.look_back does not read as expected';
        END IF;
        body := replace(body, piece[1], piece[2]);
    END LOOP;
    EXECUTE body;
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
        SELECT DISTINCT n.run_id FROM nightjar.run_events n
        WHERE n.run_id < dropped AND NOT EXISTS (SELECT FROM nightjar.runs r WHERE r.run_id = n.run_id) LIMIT most));
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

-- ---------------------------------------------------------------------------------------------------------------------
-- Erasing on demand
-- ---------------------------------------------------------------------------------------------------------------------

-- One row per request. Workers, or whoever calls nightjar.erase_advance, first find what is meant and whatever tells of it, until
-- there is no more to be found; then have it end, delete it, and last blank it where others have taken it in.
CREATE TABLE nightjar.erasures (
    erase_id  uuid NOT NULL DEFAULT nightjar.uuid7() PRIMARY KEY,
    tenant_id int NOT NULL,
    event_id  uuid,                         -- this event only
    path      text[],                       -- events with this value there
    value     jsonb,                        -- null once it is done: it may be a person's name
    before    timestamptz,                  -- what is older
    cancels   boolean NOT NULL,             -- unfinished runs are cancelled, else their end is waited for
    actor     text NOT NULL,
    reason    text,
    asked_at  timestamptz NOT NULL,
    upto      bigint NOT NULL,              -- events after this number are left alone, but for Nightjar's own about erased runs
    state     smallint NOT NULL DEFAULT 1,  -- 1 running, 3 done
    -- 0 begins, 1 finds events, 2 finds runs, 3 has runs end, 4 deletes runs, 5 deletes events, 6 blanks steps, 7 blanks system events,
    -- 8 waits for whoever was there when nothing was left; then once more from 1
    phase     smallint NOT NULL DEFAULT 0,
    reached      uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    reached_step text NOT NULL DEFAULT '',
    again_from   uuid,                      -- the lowest run that was found, or is to end, since: another passage begins there
    left_over    bigint NOT NULL DEFAULT 0, -- in this passage
    examined  bigint NOT NULL DEFAULT 0,
    events    bigint NOT NULL DEFAULT 0,
    runs      bigint NOT NULL DEFAULT 0,
    answered  bigint NOT NULL DEFAULT 0,    -- steps of others that held such an event, and are blank now
    sent      bigint NOT NULL DEFAULT 0,    -- events that the erased runs have sent, and that stay
    unreached bigint NOT NULL DEFAULT 0,    -- runs whose event is no longer kept: nobody can tell whose they are
    untold    bigint NOT NULL DEFAULT 0,    -- Nightjar's own events that stay, and whose run is no longer kept: the same
    quiet_at  timestamptz,                  -- when nothing was left; null again as soon as something is
    ids_until timestamptz,                  -- until then the ids are remembered that senders gave them
    waits_for text,                         -- what is in the way, in words
    advanced_at timestamptz,
    ended_at  timestamptz
);
CREATE INDEX erasures_running ON nightjar.erasures (erase_id) WHERE state = 1;

-- What a request in progress has found. Emptied at its end.
CREATE TABLE nightjar.erased_events (
    erase_id  uuid NOT NULL,
    event_id  uuid NOT NULL,
    tenant_id int NOT NULL,
    public_id text NOT NULL,                -- under which others know it
    name      text NOT NULL,
    gone      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (erase_id, event_id)
);
CREATE INDEX erased_events_left ON nightjar.erased_events (erase_id, event_id) WHERE NOT gone;
CREATE INDEX erased_events_public ON nightjar.erased_events (erase_id, public_id);
CREATE TABLE nightjar.erased_runs (
    erase_id  uuid NOT NULL,
    run_id    uuid NOT NULL,
    tenant_id int NOT NULL,
    PRIMARY KEY (erase_id, run_id)
);
-- Steps of other runs that hold something of it.
CREATE TABLE nightjar.erased_steps (
    erase_id  uuid NOT NULL,
    run_id    uuid NOT NULL,
    step      text NOT NULL,
    tenant_id int NOT NULL,
    PRIMARY KEY (erase_id, run_id, step)
);

-- The run of which one of Nightjar's own events tells, or for which it is; null: none.
CREATE FUNCTION nightjar.told_run(name text, data jsonb) RETURNS uuid LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    id constant text := CASE
        WHEN name IN ('inngest/function.failed', 'inngest/function.cancelled', 'inngest/function.finished')
            THEN coalesce(data ->> 'run_id', split_part(data ->> 'correlation_id', '.', 1))
        WHEN name = 'inngest/function.invoked' THEN data #>> '{_nightjar,parent}'
        WHEN name = 'inngest/signal.sent' THEN split_part(data ->> 'waiter', '.', 1) END;
BEGIN
    RETURN CASE WHEN id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN id::uuid END;
END $$;

-- Whether an event is meant: itself; or, of Nightjar's own, by the event that it tells of, or the run.
CREATE FUNCTION nightjar.is_erased(e nightjar.events, r nightjar.erasures) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    run uuid;
BEGIN
    IF e.tenant_id <> r.tenant_id THEN
        RETURN false;
    ELSIF e.seq <= r.upto AND (
           e.received_at < r.before OR e.event_id = r.event_id
           OR r.path IS NOT NULL AND nightjar.event_value(r.path, e.name, e.data, e."user", e.id, e.ts) = r.value) THEN
        RETURN true;
    ELSIF NOT starts_with(e.name, 'inngest/') THEN
        RETURN false;
    END IF;
    run := nightjar.told_run(e.name, e.data);
    IF nightjar.uuid7_time(run) < r.before
       OR EXISTS (SELECT FROM nightjar.erased_runs x WHERE x.erase_id = r.erase_id AND x.run_id = run) THEN
        RETURN true;
    ELSIF e.seq > r.upto OR e.name NOT IN ('inngest/function.failed', 'inngest/function.cancelled', 'inngest/function.finished') THEN
        RETURN false;
    END IF;
    RETURN r.path IS NOT NULL AND (e.data -> 'event') #> r.path = r.value
        -- Of a run that is no longer kept.
        OR EXISTS (SELECT FROM nightjar.erased_events x
                   WHERE x.erase_id = r.erase_id AND x.public_id = e.data #>> '{event,id}' AND x.name = e.data #>> '{event,name}')
           AND NOT EXISTS (SELECT FROM nightjar.runs q WHERE q.run_id = run);
END $$;

-- Whether an event tells of a run that is no longer kept: what it was about, nobody can find out any more.
CREATE FUNCTION nightjar.is_untold(name text, data jsonb) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
    run uuid;
BEGIN
    IF NOT starts_with(name, 'inngest/') THEN
        RETURN false;
    END IF;
    run := nightjar.told_run(name, data);
    RETURN run IS NOT NULL AND NOT EXISTS (SELECT FROM nightjar.runs q WHERE q.run_id = run);
END $$;

-- Whether what a step of a kind has put out is an event that is meant, as a whole.
CREATE FUNCTION nightjar.is_erased_output(output jsonb, r nightjar.erasures) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN jsonb_typeof(output) = 'object' AND output ? 'name' AND output ? 'data' AND (
        coalesce(r.path IS NOT NULL AND output #> r.path = r.value, false)
        OR EXISTS (SELECT FROM nightjar.erased_events x
                   WHERE x.erase_id = r.erase_id AND x.public_id = output ->> 'id' AND x.name = output ->> 'name'));
END $$;

-- The recorded steps that the event of a cancel lists, without what is meant. `run`: whose they are.
CREATE FUNCTION nightjar.blank_steps(steps jsonb, run text, r nightjar.erasures) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT coalesce(jsonb_agg(CASE WHEN nightjar.is_erased_output(s.value -> 'output', r)
                                             OR EXISTS (SELECT FROM nightjar.erased_steps x
                                                        WHERE x.erase_id = r.erase_id AND x.run_id::text = run AND x.step = s.value ->> 'id')
                                           THEN s.value - 'error' || '{"output": {"erased": true}}' ELSE s.value END ORDER BY s.position), '[]')
            FROM jsonb_array_elements(steps) WITH ORDINALITY AS s (value, position));
END $$;

-- The same for the data of a system event, wherever it has such a list: of the run that it tells of, or of the one that started that.
CREATE FUNCTION nightjar.blank_data(data jsonb, r nightjar.erasures) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
    place text[];
BEGIN
    FOREACH place SLICE 1 IN ARRAY ARRAY[ARRAY['-', '-', '-'], ARRAY['event', 'data', '-'], ARRAY['events', '0', 'data']] LOOP
        place := array_remove(place, '-');
        IF jsonb_typeof(data #> (place || 'steps'::text)) = 'array' THEN
            data := jsonb_set(data, place || 'steps'::text,
                              nightjar.blank_steps(data #> (place || 'steps'::text), data #>> (place || 'run_id'::text), r));
        END IF;
    END LOOP;
    RETURN data;
END $$;

-- The request that arguments mean, or an error that says what is wrong with them.
CREATE FUNCTION nightjar.erasure(event uuid, path text, value jsonb, before timestamptz, cancels boolean, actor text, reason text)
RETURNS nightjar.erasures LANGUAGE plpgsql VOLATILE AS $$
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
    ELSIF '*' = ANY (string_to_array(path, '.')) THEN
        RAISE EXCEPTION 'the path "%" has a wildcard', path USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name one place in each request, such as data.customer.email, or data.recipients.0 in an array.';
    ELSIF jsonb_typeof(value) = 'null' THEN
        RAISE EXCEPTION 'null is nobody''s value' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Say which value. A string is JSON: ''"ada"''.';
    END IF;
    r.erase_id := nightjar.uuid7();
    r.tenant_id := nightjar.current_tenant();
    IF NOT EXISTS (SELECT FROM nightjar.tenants t WHERE t.tenant_id = r.tenant_id) THEN
        RAISE EXCEPTION 'there is no tenant %', r.tenant_id USING ERRCODE = 'undefined_object',
            HINT = 'The setting nightjar.tenant says whose events are meant.';
    END IF;
    r.event_id := event;
    r.path := string_to_array(path, '.');
    r.value := value;
    r.before := CASE WHEN before IS NOT NULL THEN least(before, clock_timestamp()) END;
    r.cancels := cancels;
    r.actor := actor;
    r.reason := reason;
    r.upto := nextval('nightjar.event_seq');
    r.asked_at := clock_timestamp();        -- after the number: see nightjar.settled
    IF r.event_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM nightjar.events e WHERE e.event_id = r.event_id AND e.tenant_id = r.tenant_id)
       -- Runs may be kept for longer than their events.
       AND NOT EXISTS (SELECT FROM nightjar.runs q WHERE q.event_id = r.event_id AND q.tenant_id = r.tenant_id)
       AND NOT EXISTS (SELECT FROM nightjar.run_events b JOIN nightjar.runs q ON q.run_id = b.run_id
                       WHERE b.event_id = r.event_id AND q.tenant_id = r.tenant_id) THEN
        RAISE EXCEPTION 'there is no event %', event USING ERRCODE = 'no_data_found',
            HINT = 'Give the id under which it is stored, as ''nightjar events'' lists it.';
    END IF;
    RETURN r;
END $$;

-- What is meant itself: events, and runs. Reads the tenant's events, and its runs for a time limit.
CREATE FUNCTION nightjar.erased_directly(r nightjar.erasures) RETURNS TABLE (event_id uuid, run_id uuid) LANGUAGE plpgsql STABLE AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH meant AS MATERIALIZED (
        SELECT e.event_id, CASE WHEN starts_with(e.name, 'inngest/function.') THEN nightjar.told_run(e.name, e.data) END AS told, e.name
        FROM nightjar.events e
        WHERE e.tenant_id = r.tenant_id AND (r.event_id IS NULL OR e.event_id = r.event_id) AND nightjar.is_erased(e, r)
    ), started AS MATERIALIZED (
        SELECT q.run_id FROM nightjar.runs q
        WHERE q.event_id IN (SELECT m.event_id FROM meant m UNION SELECT r.event_id) AND q.tenant_id = r.tenant_id
        UNION SELECT q.run_id FROM nightjar.run_events b JOIN nightjar.runs q ON q.run_id = b.run_id AND q.tenant_id = r.tenant_id
              WHERE b.event_id IN (SELECT m.event_id FROM meant m UNION SELECT r.event_id)
        UNION SELECT q.run_id FROM meant m JOIN nightjar.runs q ON q.run_id = m.told AND q.tenant_id = r.tenant_id
              WHERE m.name <> 'inngest/function.invoked'
        UNION SELECT q.run_id FROM nightjar.runs q
              WHERE q.tenant_id = r.tenant_id AND q.run_id < nightjar.uuid7_floor(greatest(r.before, '1970-01-01'))
    ), telling AS MATERIALIZED (
        SELECT e.event_id FROM nightjar.events e
        WHERE e.tenant_id = r.tenant_id AND starts_with(e.name, 'inngest/')
          AND nightjar.told_run(e.name, e.data) IN (SELECT s.run_id FROM started s)
    )
    SELECT m.event_id, NULL::uuid FROM meant m
    UNION SELECT t.event_id, NULL FROM telling t
    UNION SELECT NULL, s.run_id FROM started s
    UNION SELECT NULL, q.run_id FROM nightjar.runs q
          WHERE q.event_id IN (SELECT t.event_id FROM telling t) AND q.tenant_id = r.tenant_id;
END $$;

-- The unfinished runs that a request would cancel: those that are meant, and, for a value, others that hold such an event.
CREATE FUNCTION nightjar.erased_live_runs(r nightjar.erasures, meant uuid[]) RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN (SELECT count(*) FROM nightjar.live l
            WHERE l.tenant_id = r.tenant_id AND (
                l.run_id = ANY (meant)
                OR r.path IS NOT NULL AND EXISTS (
                    SELECT FROM nightjar.steps s
                    WHERE s.run_id = l.run_id AND s.kind IN (4, 6) AND nightjar.is_erased_output(s.output, r) OFFSET 0)));
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
        unfinished := nightjar.erased_live_runs(r, ARRAY(SELECT d.run_id FROM nightjar.erased_directly(r) d WHERE d.run_id IS NOT NULL));
        IF unfinished > 0 THEN
            RAISE EXCEPTION '% of the runs that would be erased have not ended', unfinished
                USING ERRCODE = 'object_not_in_prerequisite_state',
                      HINT = 'Say cancel => true, which cancels them first, or wait for their end.';
        END IF;
    END IF;
    INSERT INTO nightjar.erasures (erase_id, tenant_id, event_id, path, value, before, cancels, actor, reason, asked_at, upto)
    VALUES (r.erase_id, r.tenant_id, r.event_id, r.path, r.value, r.before, r.cancels, r.actor, r.reason, r.asked_at, r.upto);
    RETURN r.erase_id;
END $$;

-- The id with which whatever a request is about begins. Nothing about an event is older than its id and its first run; an hour for
-- clocks that were set.
CREATE FUNCTION nightjar.erase_start(r nightjar.erasures) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN CASE WHEN r.event_id IS NULL THEN '00000000-0000-0000-0000-000000000000' ELSE nightjar.uuid7_floor(least(
        nightjar.uuid7_time(r.event_id),
        (SELECT min(nightjar.uuid7_time(i)) FROM unnest(nightjar.runs_of_events(ARRAY[r.event_id])) i)) - interval '1 hour') END;
END $$;

-- What a request would erase now, but for what only follows from that: nothing is changed. Reads all events of the tenant's, and
-- its runs and steps. `answered`: steps of other runs that hold such an event; `unreached`: ended runs whose event is no longer kept,
-- so that nobody can tell whether they are meant; `untold`: Nightjar's own events of runs that are no longer kept, likewise.
CREATE FUNCTION nightjar.erase_preview(event uuid DEFAULT NULL, path text DEFAULT NULL, value jsonb DEFAULT NULL,
                                       before timestamptz DEFAULT NULL)
RETURNS TABLE (events bigint, runs bigint, live_runs bigint, first_at timestamptz, last_at timestamptz, answered bigint, unreached bigint,
              untold bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    r constant nightjar.erasures := nightjar.erasure(event, path, value, before, false, '', NULL);
    first_id constant uuid := nightjar.erase_start(r);
BEGIN
    RETURN QUERY
    WITH found AS MATERIALIZED (SELECT d.event_id, d.run_id FROM nightjar.erased_directly(r) d)
    SELECT (SELECT count(*) FROM found f WHERE f.event_id IS NOT NULL), (SELECT count(*) FROM found f WHERE f.run_id IS NOT NULL),
           nightjar.erased_live_runs(r, ARRAY(SELECT f.run_id FROM found f WHERE f.run_id IS NOT NULL)), e.first, e.last,
           CASE WHEN r.path IS NULL THEN 0 ELSE (
               SELECT count(*) FROM nightjar.steps s
               WHERE s.tenant_id = r.tenant_id AND s.kind IN (4, 6) AND nightjar.is_erased_output(s.output, r)
                 AND NOT EXISTS (SELECT FROM found f WHERE f.run_id = s.run_id)) END,
           CASE WHEN r.path IS NULL THEN 0 ELSE (
               SELECT count(*) FROM nightjar.runs q
               WHERE q.tenant_id = r.tenant_id AND NOT EXISTS (SELECT FROM nightjar.events e WHERE e.event_id = q.event_id)
                 AND NOT EXISTS (SELECT FROM found f WHERE f.run_id = q.run_id)) END,
           CASE WHEN r.before IS NOT NULL THEN 0 ELSE (
               SELECT count(*) FROM nightjar.events e
               WHERE e.event_id > first_id AND e.tenant_id = r.tenant_id AND nightjar.is_untold(e.name, e.data)
                 AND NOT EXISTS (SELECT FROM found f WHERE f.event_id = e.event_id)) END
    FROM (SELECT min(e.received_at) AS first, max(e.received_at) AS last
          FROM found f JOIN nightjar.events e ON e.event_id = f.event_id) e;
END $$;

-- Remembers runs that are meant, no other tenant's, also those that are no longer kept; answers the lowest of those that are new.
CREATE FUNCTION nightjar.find_runs(request uuid, tenant int, run_ids uuid[]) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    lowest uuid;
BEGIN
    WITH fresh AS (
        INSERT INTO nightjar.erased_runs AS x (erase_id, run_id, tenant_id)
        SELECT DISTINCT request, i, tenant FROM unnest(run_ids) i
        WHERE i IS NOT NULL AND NOT EXISTS (SELECT FROM nightjar.runs q WHERE q.run_id = i AND q.tenant_id <> tenant)
        ON CONFLICT DO NOTHING
        RETURNING x.run_id)
    SELECT min(f.run_id::text)::uuid INTO lowest FROM fresh f;
    RETURN lowest;
END $$;

-- The runs that events of a tenant started, alone or in a batch. Indexes: runs_event in every week, run_events_event.
CREATE FUNCTION nightjar.runs_of_events(event_ids uuid[]) RETURNS uuid[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN ARRAY(SELECT q.run_id FROM nightjar.runs q WHERE q.event_id = ANY (event_ids)
                 UNION SELECT b.run_id FROM nightjar.run_events b WHERE b.event_id = ANY (event_ids));
END $$;

-- Cancels unfinished runs for an erasure: at once those that nobody holds, the others by way of what is pending. Answers how many
-- are left. Locks: live, SKIP LOCKED → open steps → waits; pending rows by insertion, in order of the runs.
CREATE FUNCTION nightjar.cancel_erased(run_ids uuid[], r nightjar.erasures) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    cause constant jsonb := jsonb_build_object('kind', 'manual', 'reason', coalesce(r.reason, 'erased'));
    count int;
BEGIN
    PERFORM FROM nightjar.cancel_runs(run_ids, array_fill(cause || jsonb_build_object('actor', r.actor, 'asked_at', r.asked_at),
                                                          ARRAY[cardinality(run_ids)]), false);
    INSERT INTO nightjar.pending (tenant_id, key, seq, asked_at, actor, cause)
    SELECT l.tenant_id, l.run_id, nextval('nightjar.event_seq'), r.asked_at, r.actor, cause
    FROM nightjar.live l
    WHERE l.run_id = ANY (run_ids)
      AND NOT EXISTS (SELECT FROM nightjar.pending p WHERE p.tenant_id = l.tenant_id AND p.key = l.run_id)
    ORDER BY l.run_id;
    PERFORM nightjar.hint('ready pending');
    SELECT count(*) INTO count FROM nightjar.live l WHERE l.run_id = ANY (run_ids);
    RETURN count;
END $$;

-- What holds values of events in keys, or in conditions: limits by a key begin anew, keys of singletons whose run has ended go, and
-- requests to cancel many that are done and meant such an event lose their condition. False: somebody is at a key.
-- Locks: rows of flow_counters, SKIP LOCKED; of singletons under the locks of nightjar.gate_locks, tried only; bulk_cancels.
CREATE FUNCTION nightjar.erase_keys(event_ids uuid[], r nightjar.erasures) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    k record;
    complete boolean := true;
BEGIN
    FOR k IN
        SELECT DISTINCT f.function_id, o.kind, nightjar.flow_key(f.flow #> ARRAY[o.kind, 'key'], e.body) AS key
        FROM (SELECT e.tenant_id, e.name, nightjar.event_json(e.event_id, true) AS body FROM nightjar.events e
              WHERE e.event_id = ANY (event_ids)) e
        JOIN nightjar.functions f ON f.tenant_id = e.tenant_id AND f.flow IS NOT NULL
        CROSS JOIN unnest(ARRAY['rate_limit', 'throttle', 'singleton']) AS o (kind)
        WHERE coalesce(f.flow #> ARRAY[o.kind, 'key'], 'null') <> 'null'
          AND (f.archived_at IS NOT NULL
               OR EXISTS (SELECT FROM nightjar.function_triggers t
                          WHERE t.function_id = f.function_id AND (t.event = e.name OR t.prefix IS NOT NULL AND starts_with(e.name, t.prefix))))
    LOOP
        IF k.kind <> 'singleton' THEN
            DELETE FROM nightjar.flow_counters c WHERE c.ctid = ANY (ARRAY(
                SELECT d.ctid FROM nightjar.flow_counters d
                WHERE d.function_id = k.function_id AND d.kind = k.kind AND d.key = k.key AND (r.before IS NULL OR d.at < r.before)
                FOR UPDATE SKIP LOCKED));
            IF NOT FOUND AND EXISTS (SELECT FROM nightjar.flow_counters d
                                     WHERE d.function_id = k.function_id AND d.kind = k.kind AND d.key = k.key
                                       AND (r.before IS NULL OR d.at < r.before)) THEN
                complete := false;
            END IF;
        ELSIF EXISTS (SELECT FROM nightjar.singletons s WHERE s.function_id = k.function_id AND s.key = k.key) THEN
            IF pg_try_advisory_xact_lock((hashtextextended('singleton', k.function_id) & ~63::bigint) | (hashtextextended(k.key, 0) & 63)) THEN
                DELETE FROM nightjar.singletons s
                WHERE s.function_id = k.function_id AND s.key = k.key
                  AND NOT EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = s.run_id);
            ELSE
                complete := false;
            END IF;
        END IF;
    END LOOP;
    UPDATE nightjar.bulk_cancels b SET expression = CASE WHEN b.expression IS NOT NULL THEN '(erased)' END, condition = NULL, path = NULL
    WHERE b.tenant_id = r.tenant_id AND b.state = 3 AND (b.condition IS NOT NULL OR b.path IS NOT NULL)
      AND (r.before IS NULL OR b.ended_at < r.before)
      AND EXISTS (SELECT FROM (SELECT nightjar.event_json(e.event_id) AS body FROM nightjar.events e WHERE e.event_id = ANY (event_ids)) e
                  WHERE (b.condition IS NULL OR nightjar.evaluate(b.condition, e.body, NULL) = 'true')
                    AND (b.path IS NULL OR jsonb_path_match(e.body, b.path, silent => true)));
    RETURN complete;
END $$;

-- Requests to cancel many that name the value itself. Done ones lose it; answers how many are not done.
CREATE FUNCTION nightjar.erase_conditions(r nightjar.erasures) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    needles constant text[] := ARRAY[r.value #>> '{}', btrim(r.value::text, '"')];
    named uuid[];
    left_over int;
BEGIN
    IF jsonb_typeof(r.value) IS DISTINCT FROM 'string' OR needles[1] = '' THEN
        RETURN 0;
    END IF;
    named := ARRAY(SELECT b.bulk_id FROM nightjar.bulk_cancels b
                   CROSS JOIN concat_ws(' ', b.path, b.expression, b.condition, b.reason) AS t (text)
                   WHERE b.tenant_id = r.tenant_id AND (strpos(t.text, needles[1]) > 0 OR strpos(t.text, needles[2]) > 0));
    UPDATE nightjar.bulk_cancels b SET expression = '(erased)', condition = NULL, path = NULL, reason = NULL
    WHERE b.bulk_id = ANY (named) AND b.state = 3;
    SELECT count(*) INTO left_over FROM nightjar.bulk_cancels b WHERE b.bulk_id = ANY (named) AND b.state <> 3;
    RETURN left_over;
END $$;

-- Blanks what steps of runs that are not erased hold of it, in runs that have ended. Answers how many have not; if the request
-- cancels, they are cancelled.
-- Locks: live rows that nobody leases, SKIP LOCKED; rows of steps, by change. Index: steps_pkey.
CREATE FUNCTION nightjar.blank_recorded(run_ids uuid[], names text[], r nightjar.erasures) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    ended uuid[];
    held uuid[];
BEGIN
    IF r.cancels THEN
        -- Before the event of the cancel, which lists the steps. Held from here on.
        held := ARRAY(SELECT l.run_id FROM nightjar.live l WHERE l.run_id = ANY (run_ids) AND l.state <> 1
                      ORDER BY l.run_id FOR UPDATE SKIP LOCKED);
    END IF;
    ended := ARRAY(SELECT DISTINCT i FROM unnest(run_ids) i
                   WHERE i = ANY (held) OR NOT EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = i));
    UPDATE nightjar.steps s
    SET output = '{"erased": true}', error = CASE WHEN s.error IS NOT NULL THEN '{"name": "Erased", "message": "erased"}'::jsonb END
    FROM unnest(run_ids, names) AS n (run_id, step)
    WHERE s.run_id = n.run_id AND s.step = n.step AND s.run_id = ANY (ended);
    IF r.cancels AND NOT run_ids <@ ended OR cardinality(held) > 0 THEN
        PERFORM nightjar.cancel_erased(ARRAY(SELECT DISTINCT i FROM unnest(run_ids) i ORDER BY i), r);
    END IF;
    RETURN (SELECT count(DISTINCT i) FROM unnest(run_ids) i WHERE i <> ALL (ended));
END $$;

-- Carries a request one chunk further. True: something is in the way.
-- Locks: what phases 3 to 7 call, above; while gathered events are deleted, those that gather wait for it.
-- Indexes: events_pkey, runs_pkey, steps_pkey, those of erased_*; runs_event in every week, run_events_event.
CREATE FUNCTION nightjar.erase_chunk(r nightjar.erasures, chunk int) RETURNS boolean LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    none constant uuid := '00000000-0000-0000-0000-000000000000';
    start uuid;          -- of a passage from the beginning
    seen int;
    last uuid;
    last_step text;
    ids uuid[];
    fresh uuid[];
    told uuid[];
    names text[];
    count bigint;
    free boolean;
    blocked text;
BEGIN
    start := nightjar.erase_start(r);

    IF r.phase = 0 THEN
        -- What was sent before the request is to be seen.
        IF nightjar.settled() <= r.asked_at THEN
            blocked := 'transactions that were open when it was asked for';
        ELSE
            r.phase := 1;
            r.reached := start;
            IF r.event_id IS NOT NULL THEN
                -- It may be there no more, and its runs.
                r.again_from := nightjar.find_runs(r.erase_id, r.tenant_id, ARRAY(
                    SELECT q.run_id FROM nightjar.runs q
                    WHERE q.run_id = ANY (nightjar.runs_of_events(ARRAY[r.event_id])) AND q.tenant_id = r.tenant_id));
                INSERT INTO nightjar.erased_events (erase_id, event_id, tenant_id, public_id, name)
                SELECT r.erase_id, r.event_id, r.tenant_id, r.event_id::text, ''
                WHERE NOT EXISTS (SELECT FROM nightjar.events e WHERE e.event_id = r.event_id);
            END IF;
        END IF;

    ELSIF r.phase = 1 THEN
        ids := ARRAY(SELECT e.event_id FROM nightjar.events e WHERE e.event_id > r.reached ORDER BY e.event_id LIMIT chunk);
        seen := cardinality(ids);
        LOOP
            WITH meant AS MATERIALIZED (
                SELECT e.event_id, e.tenant_id, e.name, coalesce(e.id, e.event_id::text) AS public_id, e.received_at,
                       CASE WHEN e.name IN ('inngest/function.failed', 'inngest/function.cancelled', 'inngest/function.finished')
                            THEN nightjar.told_run(e.name, e.data) END AS told,
                       CASE WHEN e.id IS NOT NULL AND NOT starts_with(e.name, 'inngest/')
                                 -- By a function's own key.
                                 OR EXISTS (SELECT FROM nightjar.function_triggers t JOIN nightjar.functions f ON f.function_id = t.function_id
                                            WHERE t.tenant_id = e.tenant_id AND f.flow ? 'idempotency'
                                              AND (t.event = e.name OR t.prefix IS NOT NULL AND starts_with(e.name, t.prefix)))
                            THEN e.received_at + interval '24 hours' END AS until
                FROM nightjar.events e
                WHERE e.event_id = ANY (ids) AND e.event_id >= ids[1] AND e.event_id <= ids[seen] AND nightjar.is_erased(e, r)
            ), found AS (
                INSERT INTO nightjar.erased_events AS x (erase_id, event_id, tenant_id, public_id, name)
                SELECT r.erase_id, m.event_id, m.tenant_id, m.public_id, m.name FROM meant m
                ON CONFLICT DO NOTHING RETURNING x.event_id
            )
            SELECT array_agg(m.event_id), array_agg(m.told) FILTER (WHERE m.told IS NOT NULL), greatest(r.ids_until, max(m.until)),
                   -- What tells of it came after it, and may have been passed: its own id may be of a clock that is ahead.
                   least(r.again_from, CASE WHEN count(*) > 0 THEN nightjar.uuid7_floor(greatest(min(m.received_at), '1970-01-01')) END)
            INTO fresh, told, r.ids_until, r.again_from
            FROM meant m WHERE m.event_id IN (SELECT f.event_id FROM found f);
            EXIT WHEN fresh IS NULL;
            r.quiet_at := NULL;
            r.again_from := least(r.again_from, nightjar.find_runs(r.erase_id, r.tenant_id, nightjar.runs_of_events(fresh) || told));
        END LOOP;
        r.examined := r.examined + seen;
        IF seen = chunk THEN
            r.reached := ids[seen];
        ELSIF r.again_from IS NOT NULL THEN
            r.reached := nightjar.uuid7_floor(greatest(nightjar.uuid7_time(r.again_from) - interval '1 hour', '1970-01-01'));
            r.again_from := NULL;
        ELSE
            r.phase := 2;
            r.reached := start;
            r.unreached := 0;
        END IF;

    ELSIF r.phase = 2 THEN
        SELECT count(*), (array_agg(q.run_id ORDER BY q.run_id DESC))[1], array_agg(q.run_id) FILTER (WHERE q.meant),
               r.unreached + count(*) FILTER (WHERE q.orphan AND NOT q.meant)
        INTO seen, last, ids, r.unreached
        FROM (SELECT q.run_id, q.tenant_id = r.tenant_id AND (
                         coalesce(nightjar.uuid7_time(q.run_id) < r.before, false)
                         OR EXISTS (SELECT FROM nightjar.erased_runs x
                                    WHERE x.erase_id = r.erase_id AND x.run_id IN (q.run_id, q.parent_run_id, q.rerun_of))
                         OR EXISTS (SELECT FROM nightjar.erased_events x WHERE x.erase_id = r.erase_id AND x.event_id = q.event_id)) AS meant,
                     q.tenant_id = r.tenant_id AND r.path IS NOT NULL AND q.event_seq <= r.upto
                     AND NOT EXISTS (SELECT FROM nightjar.events e WHERE e.event_id = q.event_id OFFSET 0) AS orphan
              FROM nightjar.runs q WHERE q.run_id > r.reached ORDER BY q.run_id LIMIT chunk) q;
        r.again_from := least(r.again_from, nightjar.find_runs(r.erase_id, r.tenant_id, ids));
        r.examined := r.examined + seen;
        IF seen = chunk THEN
            r.reached := last;
        ELSIF r.again_from IS NOT NULL THEN
            r.quiet_at := NULL;
            r.phase := 1;
            r.reached := nightjar.uuid7_floor(greatest(nightjar.uuid7_time(r.again_from) - interval '1 hour', '1970-01-01'));
            r.again_from := NULL;
        ELSE
            r.phase := 3;
        END IF;

    ELSIF r.phase = 3 THEN
        SELECT count(*) INTO count FROM (SELECT FROM nightjar.erased_runs x WHERE x.erase_id = r.erase_id LIMIT 20000) x;
        -- From the side that is sure to be short.
        IF count < 20000 THEN
            ids := ARRAY(SELECT x.run_id FROM nightjar.erased_runs x
                         WHERE x.erase_id = r.erase_id AND EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = x.run_id OFFSET 0)
                         ORDER BY x.run_id LIMIT chunk);
        ELSE
            ids := ARRAY(SELECT l.run_id FROM nightjar.live l
                         WHERE EXISTS (SELECT FROM nightjar.erased_runs x WHERE x.erase_id = r.erase_id AND x.run_id = l.run_id OFFSET 0)
                         ORDER BY l.run_id LIMIT chunk);
        END IF;
        IF cardinality(ids) > 0 THEN
            r.again_from := least(r.again_from, ids[1]);
            count := CASE WHEN r.cancels THEN nightjar.cancel_erased(ids, r) ELSE cardinality(ids) END;
            blocked := CASE WHEN count > 0 THEN count || ' unfinished runs' END;
        ELSIF r.again_from IS NOT NULL THEN
            -- Their ends are told of.
            r.phase := 1;
            r.reached := nightjar.uuid7_floor(greatest(nightjar.uuid7_time(r.again_from) - interval '1 hour', '1970-01-01'));
            r.again_from := NULL;
        ELSE
            r.phase := 4;
            r.reached := none;
        END IF;

    ELSIF r.phase = 4 THEN
        ids := ARRAY(SELECT x.run_id FROM nightjar.erased_runs x
                     WHERE x.erase_id = r.erase_id AND x.run_id > r.reached ORDER BY x.run_id LIMIT chunk);
        -- The results of those that others invoked are in those others' steps.
        INSERT INTO nightjar.erased_steps (erase_id, run_id, step, tenant_id)
        SELECT r.erase_id, q.parent_run_id, q.parent_step, r.tenant_id FROM nightjar.runs q
        WHERE q.run_id = ANY (ids) AND q.parent_step IS NOT NULL
          AND NOT EXISTS (SELECT FROM nightjar.erased_runs x WHERE x.erase_id = r.erase_id AND x.run_id = q.parent_run_id)
        ON CONFLICT DO NOTHING;
        SELECT r.sent + count(*) INTO r.sent
        FROM nightjar.steps s
        -- What a remote app says may be anything.
        CROSS JOIN LATERAL jsonb_array_elements_text(CASE 'array' WHEN jsonb_typeof(s.output) THEN s.output
                                                          WHEN jsonb_typeof(s.output -> 'ids') THEN s.output -> 'ids'
                                                          ELSE '[]' END) AS i (id)
        WHERE s.run_id = ANY (ids) AND s.run_id >= ids[1] AND s.kind = 3
          AND NOT EXISTS (SELECT FROM nightjar.erased_events x WHERE x.erase_id = r.erase_id AND x.public_id = i.id);
        r.runs := r.runs + nightjar.delete_runs(ids);
        IF cardinality(ids) = chunk THEN
            r.reached := ids[chunk];
        ELSE
            r.phase := 5;
            r.reached := none;
        END IF;

    ELSIF r.phase = 5 THEN
        ids := ARRAY(SELECT x.event_id FROM nightjar.erased_events x
                     WHERE x.erase_id = r.erase_id AND x.event_id > r.reached AND NOT x.gone ORDER BY x.event_id LIMIT chunk);
        seen := cardinality(ids);
        free := seen > 0 AND nightjar.erase_keys(ids, r);
        IF EXISTS (SELECT FROM nightjar.gathered g WHERE g.event_id = ANY (ids)) THEN
            -- Nobody is to make a batch of what is being deleted. Senders wait for the keys: so whoever gathers is not waited for.
            IF free AND pg_try_advisory_xact_lock(hashtext('nightjar.gather')) THEN
                DELETE FROM nightjar.gathered g WHERE g.event_id = ANY (ids);
            ELSE
                free := false;
            END IF;
        END IF;
        -- What they have started since.
        r.again_from := least(r.again_from, nightjar.find_runs(r.erase_id, r.tenant_id, nightjar.runs_of_events(ids)));
        INSERT INTO nightjar.erased_steps (erase_id, run_id, step, tenant_id)
        SELECT DISTINCT r.erase_id, e.run_id, e.step, r.tenant_id
        FROM (SELECT nightjar.told_run(e.name, e.data) AS run_id, substr(e.data ->> 'waiter', 38) AS step
              FROM nightjar.events e WHERE e.event_id = ANY (ids) AND e.name = 'inngest/signal.sent'
              UNION ALL
              SELECT o.run_id, o.step FROM nightjar.open_steps o WHERE o.arrived = ANY (ids)) e
        WHERE e.run_id IS NOT NULL AND NOT EXISTS (SELECT FROM nightjar.erased_runs x WHERE x.erase_id = r.erase_id AND x.run_id = e.run_id)
        ON CONFLICT DO NOTHING;
        IF r.cancels AND EXISTS (SELECT FROM nightjar.open_steps o WHERE o.arrived = ANY (ids)) THEN
            PERFORM nightjar.cancel_erased(ARRAY(SELECT DISTINCT o.run_id FROM nightjar.open_steps o WHERE o.arrived = ANY (ids)), r);
        END IF;
        IF free THEN
            r.events := r.events + nightjar.delete_events(ids);
            UPDATE nightjar.erased_events x SET gone = true
            WHERE x.erase_id = r.erase_id AND x.event_id = ANY (ids)
              AND NOT EXISTS (SELECT FROM nightjar.events e WHERE e.event_id = x.event_id OFFSET 0);
            GET DIAGNOSTICS count = ROW_COUNT;
            seen := seen - count;
        END IF;
        r.left_over := r.left_over + seen;
        IF cardinality(ids) = chunk THEN
            r.reached := ids[chunk];
        ELSE
            IF r.left_over > 0 THEN
                blocked := r.left_over || ' events that unfinished work needs, or open transactions may';
            END IF;
            r.phase := CASE WHEN r.again_from IS NOT NULL THEN 3 WHEN r.left_over > 0 THEN 5 ELSE 6 END;
            r.reached := none;      -- a step that holds one may be of a run of long before
            r.left_over := 0;
        END IF;

    ELSIF r.phase = 6 THEN
        SELECT count(*), (array_agg(s.run_id ORDER BY s.run_id DESC, s.step DESC))[1], (array_agg(s.step ORDER BY s.run_id DESC, s.step DESC))[1],
               array_agg(s.run_id) FILTER (WHERE s.meant), array_agg(s.step) FILTER (WHERE s.meant)
        INTO seen, last, last_step, ids, names
        FROM (SELECT s.run_id, s.step, s.tenant_id = r.tenant_id AND s.output IS DISTINCT FROM '{"erased": true}' AND (
                         EXISTS (SELECT FROM nightjar.erased_steps x
                                 WHERE x.erase_id = r.erase_id AND x.run_id = s.run_id AND x.step = s.step)
                         OR s.kind IN (4, 6) AND nightjar.is_erased_output(s.output, r)) AS meant
              FROM nightjar.steps s
              WHERE s.run_id >= r.reached AND (s.run_id, s.step) > (r.reached, r.reached_step)
              ORDER BY s.run_id, s.step LIMIT chunk) s;
        IF ids IS NOT NULL THEN
            r.quiet_at := NULL;
            INSERT INTO nightjar.erased_steps (erase_id, run_id, step, tenant_id)
            SELECT r.erase_id, n.run_id, n.step, r.tenant_id FROM unnest(ids, names) AS n (run_id, step) ON CONFLICT DO NOTHING;
            count := nightjar.blank_recorded(ids, names, r);
            r.left_over := r.left_over + count;
            r.answered := r.answered + cardinality(ids) - count;
        END IF;
        r.examined := r.examined + seen;
        IF seen = chunk THEN
            r.reached := last;
            r.reached_step := last_step;
        ELSE
            IF r.left_over > 0 THEN
                blocked := r.left_over || ' unfinished runs that were answered by one of the events';
            END IF;
            r.phase := CASE WHEN r.left_over > 0 THEN 6 ELSE 7 END;
            r.untold := 0;
            r.reached := CASE WHEN r.phase = 7 THEN start ELSE none END;
            r.reached_step := '';
            r.left_over := 0;
        END IF;

    ELSIF r.phase = 7 THEN
        SELECT count(*), (array_agg(e.event_id ORDER BY e.event_id DESC))[1],
               array_agg(e.event_id) FILTER (WHERE e.tenant_id = r.tenant_id AND starts_with(e.name, 'inngest/function.')
                                               AND e.name <> 'inngest/function.invoked' AND nightjar.blank_data(e.data, r) <> e.data),
               r.untold + count(*) FILTER (WHERE e.tenant_id = r.tenant_id AND r.before IS NULL AND e.seq <= r.upto
                                             AND nightjar.is_untold(e.name, e.data))
        INTO seen, last, ids, r.untold
        FROM (SELECT e.event_id, e.seq, e.tenant_id, e.name, e.data FROM nightjar.events e WHERE e.event_id > r.reached
              ORDER BY e.event_id LIMIT chunk) e;
        IF ids IS NOT NULL THEN
            r.quiet_at := NULL;
            -- Not what a run is being executed with.
            fresh := ARRAY(SELECT i FROM unnest(ids) i WHERE EXISTS (
                SELECT FROM nightjar.runs q JOIN nightjar.live l ON l.run_id = q.run_id WHERE q.event_id = i));
            UPDATE nightjar.events e SET data = nightjar.blank_data(e.data, r) WHERE e.event_id = ANY (ids) AND e.event_id <> ALL (fresh);
            r.left_over := r.left_over + cardinality(fresh);
        END IF;
        r.examined := r.examined + seen;
        IF seen = chunk THEN
            r.reached := last;
        ELSE
            IF r.left_over > 0 THEN
                blocked := r.left_over || ' unfinished handlers of cancelled runs';
                r.untold := 0;
            ELSIF r.quiet_at IS NULL THEN
                -- Whoever is about to run something again may have read what has been blanked since.
                r.quiet_at := clock_timestamp();
                r.phase := 8;
            ELSE
                count := nightjar.erase_conditions(r);
                IF count > 0 THEN
                    blocked := count || ' requests to cancel many that name the value and are not done';
                    r.untold := 0;
                ELSE
                    r.state := 3;
                    r.value := NULL;
                    r.ended_at := clock_timestamp();
                    DELETE FROM nightjar.erased_runs x WHERE x.erase_id = r.erase_id;
                    DELETE FROM nightjar.erased_events x WHERE x.erase_id = r.erase_id;
                    DELETE FROM nightjar.erased_steps x WHERE x.erase_id = r.erase_id;
                END IF;
            END IF;
            r.reached := start;
            r.left_over := 0;
        END IF;

    ELSE
        IF nightjar.settled() <= r.quiet_at THEN
            blocked := 'transactions that were open when nothing was left';
        ELSE
            r.phase := 1;
            r.reached := start;
        END IF;
    END IF;

    UPDATE nightjar.erasures c
    SET state = r.state, phase = r.phase, reached = r.reached, reached_step = r.reached_step, again_from = r.again_from,
        left_over = r.left_over, examined = r.examined, events = r.events, runs = r.runs, answered = r.answered, sent = r.sent,
        unreached = r.unreached, untold = r.untold, quiet_at = r.quiet_at, ids_until = r.ids_until, value = r.value, ended_at = r.ended_at, waits_for = blocked,
        advanced_at = clock_timestamp()
    WHERE c.erase_id = r.erase_id;
    RETURN blocked IS NOT NULL;
END $$;

-- Carries a request one chunk further: the one that is named, or any that is running. No row: nothing to do. `waits`: something is
-- in the way, which `waits_for` tells; ask again a little later. That may be an error: it keeps nobody from the others.
-- Locks: the request's row, SKIP LOCKED → those of nightjar.erase_chunk. Index: erasures_running.
CREATE FUNCTION nightjar.erase_advance(chunk int DEFAULT 1000, erase_id uuid DEFAULT NULL)
RETURNS TABLE (request uuid, waits boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
DECLARE
    r nightjar.erasures;
BEGIN
    IF chunk IS NULL OR chunk < 1 THEN
        RAISE EXCEPTION 'a chunk cannot be % rows', coalesce(chunk::text, 'null') USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Use 1 or more, such as 1000.';
    END IF;
    SELECT c.* INTO r FROM nightjar.erasures c
    WHERE c.state = 1 AND (c.erase_id = erase_advance.erase_id
                           -- One that waits keeps nobody from the others.
                           OR erase_advance.erase_id IS NULL AND (c.waits_for IS NULL OR c.advanced_at < clock_timestamp() - interval '5 s'))
    ORDER BY c.advanced_at NULLS FIRST, c.erase_id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    request := r.erase_id;
    BEGIN
        waits := nightjar.erase_chunk(r, chunk);
    EXCEPTION WHEN OTHERS THEN
        -- It is as it was before this chunk.
        UPDATE nightjar.erasures c
        SET waits_for = format('an error (%s) in phase %s: %s', SQLSTATE, r.phase, SQLERRM), advanced_at = clock_timestamp()
        WHERE c.erase_id = r.erase_id;
        waits := true;
    END;
    RETURN NEXT;
END $$;

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
  AND CASE WHEN e.tenant_id <> r.tenant_id THEN true
           WHEN e.event_id IS NOT NULL OR o.cause ? 'event_seq' THEN least(e.seq, (o.cause ->> 'event_seq')::bigint) <= r.event_seq
           -- Events are kept for less long than runs, or were erased; the run itself does not always remember the number.
           WHEN EXISTS (SELECT FROM nightjar.retention_weeks) OR EXISTS (SELECT FROM nightjar.retention_sweeps)
                OR EXISTS (SELECT FROM nightjar.erasures) THEN false
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

-- ---------------------------------------------------------------------------------------------------------------------
-- Rights
-- ---------------------------------------------------------------------------------------------------------------------

-- Makes the logs' partitions as in 0001; a part that is named itself shows nobody but its owner anything, from its first moment on.
CREATE OR REPLACE FUNCTION nightjar.make_partitions(ahead interval DEFAULT '6 weeks') RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    made int := 0;
    week timestamptz;
    log  text;
    part text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('nightjar.make_partitions'));
    -- One week back as well: an id made in the last second of Sunday may arrive on Monday.
    FOR week IN SELECT generate_series(date_trunc('week', now() AT TIME ZONE 'UTC') - interval '1 week',
                                       (now() AT TIME ZONE 'UTC') + ahead, '1 week') AT TIME ZONE 'UTC' LOOP
        FOREACH log IN ARRAY ARRAY['events', 'match_log', 'runs', 'steps', 'attempts', 'outcomes'] LOOP
            part := log || '_' || to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD');
            IF to_regclass('nightjar.' || part) IS NULL THEN
                EXECUTE format(
                    'CREATE TABLE nightjar.%I (LIKE nightjar.%I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
                       WITH (autovacuum_vacuum_insert_scale_factor = 0.1)', part, log);
                EXECUTE format('ALTER TABLE nightjar.%I ENABLE ROW LEVEL SECURITY', part);
                EXECUTE format('ALTER TABLE nightjar.%I ATTACH PARTITION nightjar.%I FOR VALUES FROM (%L) TO (%L)',
                    log, part, nightjar.uuid7_floor(week), nightjar.uuid7_floor(week + interval '7 days'));
                made := made + 1;
            END IF;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

-- What nightjar.seal goes by. A migration that adds to it inserts here, and calls nightjar.seal() at its end.
CREATE TABLE nightjar.rights (
    kind text NOT NULL CHECK (kind IN (
        'managing',         -- functions for nightjar_admin only
        'inner',            -- functions that only our own call
        'open',             -- functions for everybody
        'tenant table')),   -- tables and views that a tenant's role reads: its own rows
    name text NOT NULL,
    PRIMARY KEY (kind, name)
);
INSERT INTO nightjar.rights (kind, name)
SELECT r.kind, unnest(r.names) FROM (VALUES
    ('managing', ARRAY['create_tenant', 'set_tenant', 'suspend_tenant', 'resume_tenant', 'delete_tenant', 'bind_role',
                       'set_retention', 'reset_retention', 'erase', 'erase_preview']),
    ('inner', ARRAY['seal', 'lock_tenant', 'begin_move', 'move_waits', 'advance_move', 'take_runs', 'delete_rows', 'rate_pause',
                    'count_events', 'count_live',
                    'set_tenant_retention', 'delete_runs', 'delete_events', 'find_runs', 'cancel_erased', 'erase_keys',
                    'erase_conditions', 'blank_recorded', 'erase_chunk', 'erasure', 'erased_directly',
                    'erased_live_runs']),
    ('open', ARRAY['uuid7', 'uuid7_floor', 'uuid7_time', 'ulid', 'function_uuid', 'app_uuid', 'current_tenant', 'bound_tenant',
                   'tenant_number', 'send_hints']),
    ('tenant table', ARRAY['tenants', 'apps', 'functions', 'function_triggers', 'cancel_policies', 'events', 'runs', 'live', 'waits',
                           'steps', 'open_steps', 'attempts', 'outcomes', 'interruptions', 'sessions', 'run_events', 'gathered',
                           'bulk_cancels', 'idempotency', 'migrations', 'run_status', 'cancellations', 'run_rollups',
                           'step_rollups', 'event_rollups', 'rollup_progress'])) AS r (kind, names);

-- nightjar.seal as in 0022, but for where it has its lists from.
DO $$
DECLARE
    body constant text := pg_get_functiondef('nightjar.seal()'::regprocedure);
    lists constant text := 'managing constant text\[\] := ARRAY.*''rollup_progress''\];';
BEGIN
    IF body !~ lists THEN
        RAISE EXCEPTION 'nightjar.seal does not read as expected';
    END IF;
    EXECUTE regexp_replace(body, lists,
        E'managing constant text[] := ARRAY(SELECT r.name FROM nightjar.rights r WHERE r.kind = ''managing'');\n'
        '    inner_ones constant text[] := ARRAY(SELECT r.name FROM nightjar.rights r WHERE r.kind = ''inner'');\n'
        '    open_ones constant text[] := ARRAY(SELECT r.name FROM nightjar.rights r WHERE r.kind = ''open'');\n'
        '    tenant_tables constant text[] := ARRAY(SELECT r.name FROM nightjar.rights r WHERE r.kind = ''tenant table'');');
END $$;

SELECT nightjar.seal();

INSERT INTO nightjar.migrations (version, name) VALUES (23, 'retention');
