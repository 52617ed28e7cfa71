-- Nightjar 0026: limits on how many runs execute at once: of a function, of a key, of all functions that share a key, of a tenant.
--
-- A run that is bound by limits begins in a queue of its own, 2^30 above its app's, from which no claim takes anything: it waits
-- for its slots. nightjar.grant_slots moves it to the app's queue, where it is claimed as any other ("admitted"). When it parks it
-- goes back. One that there was no room for is "blocked", 2^29 further up: it is looked at again when the key that it lacks has
-- room. So what is over a limit costs nothing, and functions without limits know nothing of all this.
--
-- A slot is a row. There are no counters that could drift: a row counts as long as its run is admitted (or lives, where the limit
-- is for whole runs), or as a worker says that the body of its cancelled run executes. See docs/concurrency.md.
SET LOCAL client_min_messages = warning;

LOCK TABLE nightjar.events, nightjar.runs, nightjar.live IN ACCESS EXCLUSIVE MODE;

-- How many runs of a tenant may execute at once; null: any number.
ALTER TABLE nightjar.tenants ADD COLUMN max_executing int CHECK (max_executing >= 1);

-- A list of {"id", "limit", "scope", "level", "key", "text"}, from the options. "scope": fn (this function's runs), env or account
-- (those of all functions of the tenant with that scope, and the same key); "level": step (a run counts while it executes), run (from
-- its first step to its end); "key": an expression over the event; "id": what stays the same when the number changes.
ALTER TABLE nightjar.functions
    ADD COLUMN limits jsonb,
    ADD COLUMN limit_ids int[];         -- the "id" of each

ALTER TABLE nightjar.live
    ADD COLUMN slots      uuid[],       -- the keys of which it needs a slot; null: none
    ADD COLUMN limit_ids  int[],        -- which limit each of them is for; 0: the tenant's
    ADD COLUMN blocked_on uuid;         -- the key that had no room for it
COMMENT ON COLUMN nightjar.live.queue IS
    'where it is claimed: its app; 2^30 more: it waits for slots; 2^30 + 2^29 more: blocked_on has no room; negative: its tenant is suspended';
CREATE INDEX live_blocked ON nightjar.live (queue, blocked_on, pass, run_id) WHERE blocked_on IS NOT NULL;

-- One row for each slot that is held. Written by nightjar.grant_slots alone.
CREATE TABLE nightjar.held_slots (
    key         uuid NOT NULL,
    run_id      uuid NOT NULL,
    tenant_id   int NOT NULL,
    function_id int NOT NULL,
    limit_id    int NOT NULL,
    whole       boolean NOT NULL,       -- until the run's end
    most        int,                    -- what the limit was when it was granted
    granted_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (key, run_id)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX held_slots_run ON nightjar.held_slots (run_id);

-- Refuses what nightjar.evaluate cannot compute: it would be asked about each event. "?" is what only a priority has.
CREATE FUNCTION nightjar.check_expression(expression jsonb, choice boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    op constant text := CASE WHEN jsonb_typeof(expression) = 'array' AND jsonb_typeof(expression -> 0) = 'string' THEN expression ->> 0 END;
    operands constant int := CASE WHEN op IS NOT NULL THEN jsonb_array_length(expression) - 1 END;
    good constant boolean := CASE
        WHEN op IN ('event', 'async', 'lit', 'list', '&&', '||') THEN op <> 'lit' OR operands = 1
        WHEN op IN ('has', '!', 'neg', 'size') THEN operands = 1
        WHEN op IN ('field', '==', '!=', 'in', 'at', '<', '<=', '>', '>=', '+', '-', '*', '/', '%', 'startsWith', 'endsWith', 'contains')
            THEN operands = 2
        WHEN op = '?' AND choice THEN operands = 3 END;
BEGIN
    IF good IS NOT TRUE THEN
        RAISE EXCEPTION 'not an expression that Nightjar can compute: %', coalesce(expression::text, 'nothing')
            USING ERRCODE = 'invalid_parameter_value', HINT = 'It is ["event", "data", name], or an operator that the schema knows and its operands.';
    ELSIF op IN ('event', 'async', 'lit') THEN
        RETURN;
    END IF;
    FOR i IN 1 .. CASE WHEN op = 'field' THEN 1 ELSE operands END LOOP
        PERFORM nightjar.check_expression(expression -> i, op = '?' AND i > 1);
    END LOOP;
END $$;

-- The limits of a function, as its options have them. A limit of 0 is none; of those for the same key the lowest counts.
CREATE FUNCTION nightjar.read_limits(options jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    asked constant jsonb := nullif(options -> 'limits', 'null');
    found jsonb;
BEGIN
    IF asked IS NULL THEN
        RETURN NULL;
    ELSIF jsonb_typeof(asked) <> 'array' THEN
        RAISE EXCEPTION 'the concurrency limits of a function are a list, not %', asked
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Such as [{"limit": 5}].';
    ELSIF EXISTS (SELECT FROM jsonb_array_elements(asked) x
                  WHERE (CASE WHEN jsonb_typeof(x -> 'limit') = 'number'
                              THEN (x ->> 'limit')::numeric BETWEEN 0 AND 2147483647 AND (x ->> 'limit')::numeric % 1 = 0 END) IS NOT TRUE) THEN
        RAISE EXCEPTION 'a concurrency limit has a number of runs, a whole one, as its "limit": %', asked
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Such as {"limit": 5}; 0 is no limit.';
    END IF;
    SELECT jsonb_agg(jsonb_build_object(
               'limit', l.limit, 'scope', l.scope, 'level', l.level, 'key', l.key, 'text', l.text,
               'id', coalesce(nullif(hashtext(jsonb_build_array(l.scope, l.level, l.key)::text), 0), 1)) ORDER BY l.position)
    INTO found
    FROM (SELECT DISTINCT ON (scope, level, key) l.*
          FROM (SELECT (x ->> 'limit')::numeric::int AS "limit", coalesce(x ->> 'scope', 'fn') AS scope, coalesce(x ->> 'level', 'step') AS level,
                       nullif(x -> 'key', 'null') AS key, x ->> 'text' AS text, x.position
                FROM jsonb_array_elements(asked) WITH ORDINALITY AS x (x, position)) l
          WHERE l.limit > 0
          ORDER BY scope, level, key, l.limit) l;
    IF jsonb_array_length(found) > 2 THEN
        RAISE EXCEPTION 'a function has at most 2 concurrency limits, not %', jsonb_array_length(found)
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Remove those that matter least.';
    ELSIF found @? '$[*] ? (@.scope != "fn" && @.scope != "env" && @.scope != "account" || @.level != "step" && @.level != "run"
                      || @.scope != "fn" && @.key == null || @.key != null && @.key.type() != "array")' THEN
        RAISE EXCEPTION 'a concurrency limit has the scope fn, env or account, with a key unless it is fn, and the level step or run: %', asked
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM nightjar.check_expression(x -> 'key') FROM jsonb_array_elements(found) x WHERE x -> 'key' <> 'null';
    RETURN found;
END $$;

CREATE FUNCTION nightjar.limits_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.priority IS NOT NULL THEN
        PERFORM nightjar.check_expression(NEW.priority, true);
    END IF;
    NEW.limits := nightjar.read_limits(NEW.options);
    NEW.limit_ids := (SELECT array_agg((x ->> 'id')::int ORDER BY position) FROM jsonb_array_elements(NEW.limits) WITH ORDINALITY AS l (x, position));
    RETURN NEW;
END $$;
CREATE TRIGGER limits_changed BEFORE INSERT OR UPDATE OF options, priority ON nightjar.functions
    FOR EACH ROW EXECUTE FUNCTION nightjar.limits_changed();

-- The key of a slot. Its first digit tells what need not be looked up: 1 is added where runs of several functions share it, 2 where
-- it is held until the run's end.
CREATE FUNCTION nightjar.slot_key(scope text, level text, tenant int, function_id int, value text) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN (CASE WHEN scope <> 'fn' THEN 1 ELSE 0 END + CASE WHEN level = 'run' THEN 2 ELSE 0 END
            || substr(md5(jsonb_build_array(scope, level, tenant, CASE WHEN scope = 'fn' THEN function_id END, value)::text), 2))::uuid;
END $$;

-- The slots that a run needs, by what its function's and its tenant's limits are now.
CREATE FUNCTION nightjar.find_slots(
    limits jsonb, most int, tenant int, function_id int, event jsonb, OUT slots uuid[], OUT limit_ids int[])
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF limits IS NOT NULL THEN
        -- What has no value, since the event lacks it or its kind is wrong, shares the slots of all such runs.
        SELECT array_agg(nightjar.slot_key(x ->> 'scope', x ->> 'level', tenant, find_slots.function_id,
                   CASE WHEN x -> 'key' = 'null' THEN '' ELSE nightjar.evaluate(x -> 'key', event, NULL) #>> '{}' END) ORDER BY position),
               array_agg((x ->> 'id')::int ORDER BY position)
        INTO slots, limit_ids
        FROM jsonb_array_elements(limits) WITH ORDINALITY AS l (x, position);
    END IF;
    IF most IS NOT NULL THEN
        slots := slots || nightjar.slot_key('tenant', 'step', tenant, NULL, '');
        limit_ids := limit_ids || 0;
    END IF;
END $$;

-- nightjar.place gives a run its slots, and suspension, deletion and counting find those that wait for some: see 0027.

-- As in 0025, and: functions with limits, and those of tenants with one. A shared app's serve any tenant.
CREATE OR REPLACE FUNCTION nightjar.is_placed(f nightjar.functions) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN f.fair OR f.limits IS NOT NULL OR f.tenant_id = 0
        OR EXISTS (SELECT FROM nightjar.tenants t WHERE t.tenant_id = f.tenant_id AND t.max_executing IS NOT NULL);
END $$;

-- Forgets the slots of these runs that they hold no longer: those that are neither admitted nor, where a slot is for whole runs,
-- alive, and of which no worker says that they execute. Answers the keys. Only for functions with the planner settings that its
-- statement needs: it is made so that there is one way to execute it, whatever the planner takes the tables for.
-- Locks: slots, SKIP LOCKED. Indexes: held_slots_run, live_pkey, interruptions_pkey, sessions_pkey.
CREATE FUNCTION nightjar.prune_slots(runs uuid[]) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    freed uuid[];
BEGIN
    WITH d AS (
        DELETE FROM nightjar.held_slots s WHERE s.ctid = ANY (ARRAY(
            SELECT h.place
            FROM (SELECT r.run_id, l.run_id IS NOT NULL AS lives
                  FROM unnest(runs) AS r (run_id)
                  LEFT JOIN LATERAL (SELECT l.run_id, l.queue FROM nightjar.live l WHERE l.run_id = r.run_id OFFSET 0) l ON true
                  WHERE (abs(l.queue) < 536870912) IS NOT TRUE
                    AND NOT EXISTS (
                        SELECT FROM (SELECT i.session_id, i.ended_at FROM nightjar.interruptions i WHERE i.run_id = r.run_id OFFSET 0) i
                        CROSS JOIN LATERAL (SELECT FROM nightjar.sessions e WHERE e.session_id = i.session_id AND NOT e.dead OFFSET 0) e
                        WHERE i.ended_at IS NULL OFFSET 0)
                  OFFSET 0) r
            CROSS JOIN LATERAL (SELECT s.ctid AS place FROM nightjar.held_slots s
                                WHERE s.run_id = r.run_id AND NOT (s.whole AND r.lives) FOR UPDATE SKIP LOCKED) h))
        RETURNING s.key)
    SELECT array_agg(DISTINCT d.key) INTO freed FROM d;
    RETURN coalesce(freed, '{}');
END $$;

-- Where else runs are blocked that may take what several functions share: queues that somebody serves, and in which all that waits
-- was looked at. Indexes: live_blocked, live_ready, live_back, live_due.
CREATE FUNCTION nightjar.asking_queues(own int, at timestamptz) RETURNS int[] LANGUAGE plpgsql AS $$
BEGIN
    RETURN ARRAY(
        SELECT s.queue + 1610612736
        FROM (SELECT DISTINCT s.queue FROM nightjar.sessions s WHERE NOT s.dead AND s.queue <> own) s
        WHERE EXISTS (SELECT FROM nightjar.live l WHERE l.queue = s.queue + 1610612736 AND l.blocked_on IS NOT NULL OFFSET 0)
          AND NOT EXISTS (SELECT FROM nightjar.live l WHERE l.queue = s.queue + 1073741824 AND l.state = 0 AND l.epoch = 0 OFFSET 0)
          AND NOT EXISTS (SELECT FROM nightjar.live l WHERE l.queue = s.queue + 1073741824 AND l.state = 0 AND l.epoch > 0 OFFSET 0)
          AND NOT EXISTS (SELECT FROM nightjar.live l WHERE l.queue = s.queue + 1073741824 AND l.due_at <= at OFFSET 0));
END $$;

-- Takes back the slots of those of these runs that were admitted some seconds ago and that nobody has begun, where others wait for
-- them: their worker may be gone, or its functions; workers of an older build leave them with runs that sleep. They wait for slots
-- again. `queues`: in which blocked runs count. Answers the keys.
-- Locks: live, SKIP LOCKED. Indexes: held_slots_run, live_pkey, live_blocked.
CREATE FUNCTION nightjar.reclaim_slots(runs uuid[], queues int[], at timestamptz) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    stale uuid[];
    freed uuid[];
BEGIN
    stale := ARRAY(
        SELECT l.run_id
        FROM (SELECT DISTINCT s.run_id
              FROM (SELECT s.key, s.run_id
                    FROM unnest(runs) AS r (run_id)
                    CROSS JOIN LATERAL (SELECT l.epoch FROM nightjar.live l
                                        WHERE l.run_id = r.run_id AND l.state <> 1 AND l.queue > 0 AND l.queue < 536870912 OFFSET 0) l
                    CROSS JOIN LATERAL (SELECT s.key, s.run_id FROM nightjar.held_slots s
                                        WHERE s.run_id = r.run_id AND s.granted_at < at - interval '5 s' AND NOT (s.whole AND l.epoch > 0)
                                        OFFSET 0) s
                    OFFSET 0) s
              WHERE EXISTS (SELECT FROM unnest(queues) q CROSS JOIN LATERAL (
                                SELECT FROM nightjar.live l WHERE l.queue = q AND l.blocked_on = s.key LIMIT 1) b OFFSET 0)
              OFFSET 0) s
        CROSS JOIN LATERAL (SELECT l.run_id FROM nightjar.live l
                            WHERE l.run_id = s.run_id AND l.state <> 1 AND l.queue > 0 AND l.queue < 536870912 FOR UPDATE SKIP LOCKED) l);
    IF stale = '{}' THEN
        RETURN '{}';
    END IF;
    WITH d AS (
        DELETE FROM nightjar.held_slots s WHERE s.ctid = ANY (ARRAY(
            SELECT s.place FROM unnest(stale) AS r (run_id)
            CROSS JOIN LATERAL (SELECT l.epoch FROM nightjar.live l WHERE l.run_id = r.run_id OFFSET 0) l
            CROSS JOIN LATERAL (SELECT s.ctid AS place FROM nightjar.held_slots s
                                WHERE s.run_id = r.run_id AND NOT (s.whole AND l.epoch > 0) OFFSET 0) s))
        RETURNING s.key)
    SELECT array_agg(DISTINCT d.key) INTO freed FROM d;
    UPDATE nightjar.live l SET queue = l.queue + 1073741824 WHERE l.run_id = ANY (stale);
    RETURN coalesce(freed, '{}');
END $$;

-- How many runs each of a run's keys has room for, by what its function's limits are now; null: any number.
CREATE FUNCTION nightjar.slot_limits(function_id int, tenant int, limit_ids int[]) RETURNS int[] LANGUAGE plpgsql STABLE AS $$
DECLARE
    now_are constant jsonb := (SELECT f.limits FROM nightjar.functions f WHERE f.function_id = slot_limits.function_id);
BEGIN
    RETURN ARRAY(SELECT CASE WHEN i.id = 0 THEN (SELECT t.max_executing FROM nightjar.tenants t WHERE t.tenant_id = tenant)
                        ELSE (SELECT (x ->> 'limit')::int FROM jsonb_array_elements(now_are) x WHERE (x ->> 'id')::int = i.id LIMIT 1) END
                 FROM unnest(limit_ids) WITH ORDINALITY AS i (id, position) ORDER BY i.position);
END $$;

-- Admits runs that wait for slots, in order, as far as there is room; what there is no room for is blocked, and is not looked at
-- again before its key has room. One call at a time in the database: so each of its statements sees what others have granted.
--
-- `queue`, `functions`: what the caller executes. `most`: how many it wants. `released`: runs that may have given slots back.
-- `again`: keys of which an earlier call said that they have room (`left_over`). `sweep`: whether to look, from two places on, for
-- slots whose runs have ended without anybody's saying so, or are not begun, and for keys with room all the same; `swept`,
-- `probed`: how far it has come, null: the end. One call at a time sweeps; others go on without.
-- `elsewhere`: how many runs of other apps were offered a slot. `more`: whether there is more to look at. `next_in`: when.
--
-- Blocked runs come first, in the order of `pass`; nobody who comes later takes the slot that one of them waits for. If the first of
-- them is another app's, it is offered the slot: it waits in that app's queue, for a worker that has its function and room. If
-- nobody there asks, the next sweep gives the slot away here, and that app is offered none until it asks.
-- A granted run that has never executed is claimed in the order of `pass`, like all new ones; one that was parked is due at once.
-- Locks: advisory; live, SKIP LOCKED; slots, SKIP LOCKED. It waits for nobody but for other calls of it.
-- Indexes: live_due, live_back, live_ready, live_blocked, live_pkey, held_slots_pkey, held_slots_run.
CREATE FUNCTION nightjar.grant_slots(
    queue int, functions int[], most int, released uuid[] DEFAULT '{}', again uuid[] DEFAULT '{}', sweep boolean DEFAULT false,
    examine int DEFAULT 500, INOUT swept uuid DEFAULT NULL, INOUT probed uuid DEFAULT NULL,
    OUT granted int, OUT elsewhere int, OUT more boolean, OUT next_in interval, OUT left_over uuid[])
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_variable
DECLARE
    waiting constant int := queue + 1073741824;
    blocked constant int := queue + 1610612736;
    nothing constant uuid := '00000000-0000-0000-0000-000000000000';
    chunk constant int := least(examine, 2 * most + 50);
    sweeping constant int := 1000;
    queues int[];               -- in which blocked runs may take what several functions share
    ids uuid[] := '{}';
    hits uuid[];
    keys uuid[];                -- all that this call looks at
    used int[];
    crowded boolean[];          -- runs are blocked on it
    held boolean[];
    grants uuid[] := '{}';
    halts uuid[] := '{}';
    halted_on uuid[] := '{}';
    s_keys uuid[] := '{}'; s_runs uuid[] := '{}'; s_ids int[] := '{}'; s_most int[] := '{}';
    at timestamptz;             -- of a variable: a call in a condition would be made for each row
    upto uuid;
    looked int := 0;
    c record;
    i int;
    j int;
    why uuid;
    is_full boolean;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'slots are granted at READ COMMITTED: what others have granted has to be seen'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    granted := 0;
    elsewhere := 0;
    more := false;
    left_over := '{}';
    -- What is lost of it goes as a whole, and before anything that follows from it.
    PERFORM set_config('synchronous_commit', 'off', true);
    sweep := sweep AND pg_try_advisory_xact_lock(1852403047, 1);
    PERFORM pg_advisory_xact_lock(1852403047, 0);
    at := clock_timestamp();

    queues := blocked || CASE WHEN sweep THEN nightjar.asking_queues(queue, at) END;

    -- Which keys may have got room.
    keys := again || nightjar.prune_slots(released);
    IF sweep THEN
        SELECT array_agg(DISTINCT s.run_id), CASE WHEN count(*) = sweeping THEN max(s.run_id::text)::uuid END
        INTO hits, upto
        FROM (SELECT s.run_id FROM nightjar.held_slots s WHERE s.run_id > coalesce(swept, nothing)
              ORDER BY s.run_id LIMIT sweeping) s;
        swept := upto;
        keys := keys || nightjar.prune_slots(hits) || nightjar.reclaim_slots(hits, queues, at);
        WITH RECURSIVE k (key) AS (
            (SELECT l.blocked_on FROM nightjar.live l
             WHERE l.queue = blocked AND l.blocked_on > coalesce(probed, nothing) ORDER BY l.blocked_on LIMIT 1)
            UNION ALL
            SELECT (SELECT l.blocked_on FROM nightjar.live l WHERE l.queue = blocked AND l.blocked_on > k.key ORDER BY l.blocked_on LIMIT 1)
            FROM k WHERE k.key IS NOT NULL)
        SELECT array_agg(p.key), CASE WHEN count(*) = 100 THEN max(p.key::text)::uuid END
        INTO hits, probed
        FROM (SELECT k.key FROM k WHERE k.key IS NOT NULL LIMIT 100) p;
        keys := keys || hits;
    END IF;

    -- What waits to be looked at: what is due, what came back, what is new.
    ids := ARRAY(SELECT l.run_id FROM nightjar.live l
                 WHERE l.queue = waiting AND l.due_at <= at AND l.function_id = ANY (functions)
                   AND (l.expires_at > now()) IS NOT FALSE
                 ORDER BY l.due_at, l.run_id LIMIT chunk FOR UPDATE SKIP LOCKED);
    ids := ids || ARRAY(SELECT l.run_id FROM nightjar.live l
                 WHERE l.queue = waiting AND l.state = 0 AND l.epoch > 0 AND l.function_id = ANY (functions)
                   AND (l.expires_at > now()) IS NOT FALSE
                 ORDER BY l.pass, l.run_id LIMIT chunk - cardinality(ids) FOR UPDATE SKIP LOCKED);
    ids := ids || ARRAY(SELECT l.run_id FROM nightjar.live l
                 WHERE l.queue = waiting AND l.state = 0 AND l.epoch = 0 AND l.function_id = ANY (functions)
                   AND (l.expires_at > now()) IS NOT FALSE
                 ORDER BY l.pass, l.run_id LIMIT chunk - cardinality(ids) FOR UPDATE SKIP LOCKED);
    is_full := cardinality(ids) >= chunk;

    -- Those of functions whose limits are others by now need other slots.
    FOR c IN SELECT l.run_id, l.tenant_id, l.function_id, l.event_id, f.limits
             FROM unnest(ids) AS w (run_id)
             CROSS JOIN LATERAL (SELECT l.* FROM nightjar.live l WHERE l.run_id = w.run_id OFFSET 0) l
             CROSS JOIN LATERAL (SELECT f.limits, f.limit_ids FROM nightjar.functions f WHERE f.function_id = l.function_id OFFSET 0) f
             WHERE f.limit_ids <> array_remove(l.limit_ids, 0) LOOP
        UPDATE nightjar.live l SET slots = n.slots, limit_ids = n.limit_ids
        FROM nightjar.find_slots(
            c.limits, (SELECT t.max_executing FROM nightjar.tenants t WHERE t.tenant_id = c.tenant_id), c.tenant_id, c.function_id,
            nightjar.event_json(c.event_id, true)) n
        WHERE l.run_id = c.run_id;
    END LOOP;

    -- What of these keys is held.
    keys := ARRAY(SELECT DISTINCT x.key FROM (
        SELECT unnest(keys) AS key
        UNION ALL
        SELECT unnest(l.slots) FROM unnest(ids) AS w (run_id)
        CROSS JOIN LATERAL (SELECT l.slots FROM nightjar.live l WHERE l.run_id = w.run_id OFFSET 0) l) x);
    IF NOT sweep AND EXISTS (SELECT FROM unnest(keys) x WHERE x::text ~ '^[13]') THEN
        queues := queues || nightjar.asking_queues(queue, at);
    END IF;
    SELECT array_agg(x.n ORDER BY x.position), array_agg(x.crowded ORDER BY x.position) INTO used, crowded
    FROM (SELECT u.position, (SELECT count(*)::int FROM nightjar.held_slots s WHERE s.key = u.key) AS n,
                 EXISTS (SELECT FROM unnest(queues) q CROSS JOIN LATERAL (
                             SELECT FROM nightjar.live l WHERE l.queue = q AND l.blocked_on = u.key LIMIT 1) b) AS crowded
          FROM unnest(keys) WITH ORDINALITY AS u (key, position)) x;

    -- New ones stand in line with those that are blocked: one that was offered a slot has stood there before.
    FOR c IN SELECT l.run_id, l.slots FROM unnest(ids) AS w (run_id)
             CROSS JOIN LATERAL (SELECT l.run_id, l.slots, l.state, l.epoch FROM nightjar.live l WHERE l.run_id = w.run_id OFFSET 0) l
             WHERE true = ANY (crowded) AND l.state = 0 AND l.epoch = 0 LOOP
        FOR k IN 1 .. cardinality(c.slots) LOOP
            IF crowded[array_position(keys, c.slots[k])] THEN
                halts := halts || c.run_id;
                halted_on := halted_on || c.slots[k];
                EXIT;
            END IF;
        END LOOP;
    END LOOP;
    IF halts <> '{}' THEN
        UPDATE nightjar.live l SET queue = l.queue + 536870912, blocked_on = h.key
        FROM unnest(halts, halted_on) AS h (run_id, key)
        WHERE l.run_id = ANY (halts) AND l.run_id = h.run_id;
        ids := ARRAY(SELECT w.run_id FROM unnest(ids) WITH ORDINALITY AS w (run_id, position)
                     WHERE w.run_id <> ALL (halts) ORDER BY w.position);
        halts := '{}';
        halted_on := '{}';
    END IF;

    -- First those that are blocked, key by key.
    i := 1;
    WHILE i <= cardinality(keys) LOOP
        WHILE crowded[i] LOOP
            IF looked > examine THEN
                left_over := left_over || keys[i];
                EXIT;
            END IF;
            SELECT b.*, nightjar.slot_limits(b.function_id, b.tenant_id, b.limit_ids) AS limits,
                   (SELECT f.limit_ids <> array_remove(b.limit_ids, 0) FROM nightjar.functions f WHERE f.function_id = b.function_id) AS is_other
            INTO c
            FROM unnest(queues) q
            CROSS JOIN LATERAL (
                SELECT l.run_id, l.queue, l.pass, l.function_id, l.tenant_id, l.state, l.epoch, l.slots, l.limit_ids FROM nightjar.live l
                WHERE l.queue = q AND l.blocked_on = keys[i] AND (q <> blocked OR l.function_id = ANY (functions))
                  AND (l.expires_at > now()) IS NOT FALSE
                ORDER BY l.pass, l.run_id LIMIT 1 FOR UPDATE SKIP LOCKED) b
            ORDER BY b.pass, b.run_id LIMIT 1;
            IF NOT FOUND THEN
                crowded[i] := false;
                EXIT;
            END IF;
            IF c.is_other THEN
                -- Its function's limits are others by now: it is looked at anew.
                UPDATE nightjar.live l SET queue = l.queue - 536870912, blocked_on = NULL WHERE l.run_id = c.run_id;
                is_full := is_full OR c.queue = blocked;
                looked := looked + 1;
                CONTINUE;
            ELSIF c.queue <> blocked THEN
                EXIT WHEN used[i] >= c.limits[array_position(c.slots, keys[i])];
                UPDATE nightjar.live l SET queue = l.queue - 536870912, blocked_on = NULL WHERE l.run_id = c.run_id;
                used[i] := used[i] + 1;
                elsewhere := elsewhere + 1;
                looked := looked + 1;
                CONTINUE;
            END IF;
            why := NULL;
            held := ARRAY(SELECT EXISTS (SELECT FROM nightjar.held_slots s WHERE s.key = x.key AND s.run_id = c.run_id)
                          FROM unnest(c.slots) WITH ORDINALITY AS x (key, position) ORDER BY x.position);
            FOR k IN 1 .. cardinality(c.slots) LOOP
                j := array_position(keys, c.slots[k]);
                IF j IS NULL THEN
                    -- One that it has met here for the first time.
                    keys := keys || c.slots[k];
                    j := cardinality(keys);
                    used[j] := (SELECT count(*) FROM nightjar.held_slots s WHERE s.key = c.slots[k]);
                    crowded[j] := EXISTS (SELECT FROM unnest(queues) q CROSS JOIN LATERAL (
                        SELECT FROM nightjar.live l WHERE l.queue = q AND l.blocked_on = c.slots[k] LIMIT 1) b);
                END IF;
                IF why IS NULL AND NOT held[k] AND (used[j] >= c.limits[k] OR crowded[j] AND j <> i AND c.limits[k] IS NOT NULL) THEN
                    why := c.slots[k];
                END IF;
            END LOOP;
            EXIT WHEN why = keys[i];
            IF granted >= most THEN
                left_over := left_over || keys[i];
                EXIT;
            END IF;
            IF why IS NOT NULL THEN
                UPDATE nightjar.live l SET blocked_on = why WHERE l.run_id = c.run_id;
                crowded[array_position(keys, why)] := true;
                looked := looked + 1;
                CONTINUE;
            END IF;
            FOR k IN 1 .. cardinality(c.slots) LOOP
                IF NOT held[k] THEN
                    j := array_position(keys, c.slots[k]);
                    used[j] := used[j] + 1;
                    INSERT INTO nightjar.held_slots (key, run_id, tenant_id, function_id, limit_id, whole, most)
                    VALUES (c.slots[k], c.run_id, c.tenant_id, c.function_id, c.limit_ids[k], c.slots[k]::text ~ '^[23]', c.limits[k])
                    ON CONFLICT DO NOTHING;
                END IF;
            END LOOP;
            UPDATE nightjar.live l
            SET queue = l.queue - 1610612736, blocked_on = NULL, due_at = CASE WHEN l.state <> 0 THEN clock_timestamp() END
            WHERE l.run_id = c.run_id;
            granted := granted + 1;
        END LOOP;
        i := i + 1;
    END LOOP;

    -- Then those that nobody has looked at.
    FOR c IN SELECT l.run_id, l.pass, l.function_id, l.tenant_id, l.state, l.epoch, l.slots, l.limit_ids,
                    nightjar.slot_limits(l.function_id, l.tenant_id, l.limit_ids) AS limits
             FROM unnest(ids) WITH ORDINALITY AS w (run_id, position)
             CROSS JOIN LATERAL (SELECT l.* FROM nightjar.live l WHERE l.run_id = w.run_id OFFSET 0) l
             ORDER BY w.position LOOP
        IF granted >= most THEN
            is_full := true;
            EXIT;
        END IF;
        why := NULL;
        held := NULL;
        IF c.epoch > 0 THEN
            held := ARRAY(SELECT EXISTS (SELECT FROM nightjar.held_slots s WHERE s.key = x.key AND s.run_id = c.run_id)
                          FROM unnest(c.slots) WITH ORDINALITY AS x (key, position) ORDER BY x.position);
        END IF;
        FOR k IN 1 .. cardinality(c.slots) LOOP
            j := array_position(keys, c.slots[k]);
            IF held[k] IS NOT TRUE AND (used[j] >= c.limits[k] OR crowded[j] AND c.limits[k] IS NOT NULL) THEN
                why := c.slots[k];
                crowded[j] := true;
                EXIT;
            END IF;
        END LOOP;
        IF why IS NOT NULL THEN
            halts := halts || c.run_id;
            halted_on := halted_on || why;
            CONTINUE;
        END IF;
        FOR k IN 1 .. cardinality(c.slots) LOOP
            IF held[k] IS NOT TRUE THEN
                j := array_position(keys, c.slots[k]);
                used[j] := used[j] + 1;
                s_keys := s_keys || c.slots[k];
                s_runs := s_runs || c.run_id;
                s_ids := s_ids || c.limit_ids[k];
                s_most := s_most || c.limits[k];
            END IF;
        END LOOP;
        grants := grants || c.run_id;
        granted := granted + 1;
    END LOOP;
    IF grants <> '{}' THEN
        INSERT INTO nightjar.held_slots (key, run_id, tenant_id, function_id, limit_id, whole, most)
        SELECT s.key, s.run_id, l.tenant_id, l.function_id, s.id, s.key::text ~ '^[23]', s.most
        FROM unnest(s_keys, s_runs, s_ids, s_most) AS s (key, run_id, id, most)
        CROSS JOIN LATERAL (SELECT l.tenant_id, l.function_id FROM nightjar.live l WHERE l.run_id = s.run_id OFFSET 0) l
        ON CONFLICT DO NOTHING;
        UPDATE nightjar.live l
        SET queue = l.queue - 1073741824, due_at = CASE WHEN l.state <> 0 THEN clock_timestamp() END
        WHERE l.run_id = ANY (grants);
    END IF;
    IF halts <> '{}' THEN
        UPDATE nightjar.live l SET queue = l.queue + 536870912, blocked_on = h.key
        FROM unnest(halts, halted_on) AS h (run_id, key)
        WHERE l.run_id = ANY (halts) AND l.run_id = h.run_id;
    END IF;
    more := is_full OR left_over <> '{}';
    next_in := (SELECT l.due_at FROM nightjar.live l
                WHERE l.queue = waiting AND l.due_at > at AND l.function_id = ANY (functions)
                ORDER BY l.due_at LIMIT 1) - clock_timestamp();
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- How many runs of a tenant may execute
-- ---------------------------------------------------------------------------------------------------------------------

-- As in 0023, and: the weight (0025), and how many runs may execute at once.
-- Locks: as in 0022; before that, for max_executing, advisory (transaction, per tenant), and rows of its functions at last.
CREATE OR REPLACE FUNCTION nightjar.set_tenant(name text, change jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
DECLARE
    limits constant text[] := ARRAY['max_live_runs', 'max_events_per_second', 'max_event_bytes', 'max_output_bytes', 'max_executing'];
    t nightjar.tenants;
    e record;
    w numeric;
BEGIN
    -- Before the tenant's row, as a registration does, which settles queues too.
    IF change ? 'max_executing' THEN
        PERFORM pg_advisory_xact_lock(hashtext('nightjar.register'), nightjar.tenant_number(name));
    END IF;
    t := nightjar.lock_tenant(name);
    IF t.state >= 3 THEN
        RAISE EXCEPTION 'tenant "%" is being deleted', t.name USING ERRCODE = 'NJ002';
    ELSIF jsonb_typeof(change) IS DISTINCT FROM 'object' THEN
        RAISE EXCEPTION 'the change of a tenant is a JSON object' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Such as {"max_live_runs": 1000}.';
    END IF;
    FOR e IN SELECT c.key, c.value FROM jsonb_each(change) c LOOP
        IF e.key IN ('keep_events', 'keep_runs') THEN
            PERFORM nightjar.set_tenant_retention(t.tenant_id, substr(e.key, 6), e.value);
        ELSIF e.key = 'name' AND jsonb_typeof(e.value) = 'string' THEN
            PERFORM nightjar.check_tenant_name(e.value #>> '{}');
            IF EXISTS (SELECT FROM nightjar.tenants o WHERE o.name = e.value #>> '{}' AND o.tenant_id <> t.tenant_id) THEN
                RAISE EXCEPTION 'there is a tenant "%" already', e.value #>> '{}' USING ERRCODE = 'duplicate_object',
                    HINT = 'Choose another name.';
            END IF;
        ELSIF e.key = 'weight' THEN
            w := CASE WHEN jsonb_typeof(e.value) = 'number' THEN (e.value #>> '{}')::numeric END;
            IF (w BETWEEN 0.01 AND 100) IS NOT TRUE AND e.value <> 'null' THEN
                RAISE EXCEPTION 'a weight cannot be %', e.value
                    USING ERRCODE = 'invalid_parameter_value', HINT = 'It is a number from 0.01 to 100; 1 is what tenants have.';
            END IF;
        ELSIF e.key <> ALL (limits) THEN
            RAISE EXCEPTION 'a tenant has no "%" to be set', e.key
                USING ERRCODE = 'invalid_parameter_value', HINT = 'It has name, weight, ' || array_to_string(limits, ', ') || ', keep_events, keep_runs.';
        ELSIF NOT (jsonb_typeof(e.value) = 'null'
                   OR jsonb_typeof(e.value) = 'number' AND (e.value #>> '{}')::numeric % 1 = 0
                      AND (e.value #>> '{}')::numeric BETWEEN CASE e.key WHEN 'max_live_runs' THEN 0 WHEN 'max_events_per_second' THEN 1
                                                                         WHEN 'max_executing' THEN 1 ELSE 2 END
                          AND CASE e.key WHEN 'max_events_per_second' THEN 1000000 ELSE 2147483647 END) THEN
            RAISE EXCEPTION '% cannot be %', e.key, e.value
                USING ERRCODE = 'invalid_parameter_value',
                      HINT = 'It is a whole number'
                             || CASE e.key WHEN 'max_events_per_second' THEN ' from 1 to 1000000' WHEN 'max_executing' THEN ' of 1 or more' ELSE '' END || ', or null for no limit.';
        END IF;
    END LOOP;
    UPDATE nightjar.tenants g
    SET name = coalesce(change ->> 'name', g.name), changed_at = now(),
        weight = CASE WHEN change ? 'weight' THEN coalesce((change ->> 'weight')::float4, 1) ELSE g.weight END,
        max_live_runs = CASE WHEN change ? limits[1] THEN (change ->> limits[1])::int ELSE g.max_live_runs END,
        max_events_per_second = CASE WHEN change ? limits[2] THEN (change ->> limits[2])::int ELSE g.max_events_per_second END,
        max_event_bytes = CASE WHEN change ? limits[3] THEN (change ->> limits[3])::int ELSE g.max_event_bytes END,
        max_output_bytes = CASE WHEN change ? limits[4] THEN (change ->> limits[4])::int ELSE g.max_output_bytes END,
        max_executing = CASE WHEN change ? limits[5] THEN (change ->> limits[5])::int ELSE g.max_executing END
    WHERE g.tenant_id = t.tenant_id AND change <> '{}'
    RETURNING g.* INTO t;
    -- From here on its new runs need slots. Those that it has are bound by what they began with.
    IF change ? 'max_executing' THEN
        PERFORM nightjar.settle_queues(a.app_id) FROM nightjar.apps a WHERE a.tenant_id = t.tenant_id ORDER BY a.app_id;
    END IF;
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

-- A deleted tenant has no limits.
CREATE FUNCTION nightjar.limits_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.max_executing := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER limits_gone BEFORE UPDATE OF state ON nightjar.tenants
    FOR EACH ROW WHEN (NEW.state = 4) EXECUTE FUNCTION nightjar.limits_gone();

-- ---------------------------------------------------------------------------------------------------------------------
-- What people see of it
-- ---------------------------------------------------------------------------------------------------------------------

-- Only keys that somebody holds or lacks: what nobody asks for now has all its room.
CREATE VIEW nightjar_report.limits WITH (security_invoker = true) AS
SELECT t.name AS tenant, a.name AS app, f.name AS function, 
       coalesce(x.x ->> 'scope', CASE WHEN k.limit_id = 0 THEN 'tenant' WHEN k.key::text ~ '^[02]' THEN 'fn' ELSE 'shared' END) AS scope,
       CASE WHEN k.key::text ~ '^[23]' THEN 'run' ELSE 'step' END AS level, x.x ->> 'text' AS key_expression,
       CASE WHEN k.limit_id = 0 THEN t.max_executing ELSE (x.x ->> 'limit')::int END AS most, k.used, k.blocked, k.oldest_blocked_at,
       k.key, k.tenant_id, k.function_id
FROM (SELECT u.key, u.tenant_id, u.function_id, u.limit_id, sum(u.used) AS used, sum(u.blocked) AS blocked,
             nightjar.uuid7_time(min(u.waits::text)::uuid) AS oldest_blocked_at
      FROM (SELECT s.key, s.tenant_id, s.function_id, s.limit_id, 1 AS used, 0 AS blocked, NULL::uuid AS waits
            FROM nightjar.held_slots s
            WHERE EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = s.run_id AND (s.whole OR abs(l.queue) < 536870912))
               OR EXISTS (SELECT FROM nightjar.interruptions i JOIN nightjar.sessions e ON e.session_id = i.session_id AND NOT e.dead
                          WHERE i.run_id = s.run_id AND i.ended_at IS NULL)
            UNION ALL
            SELECT l.blocked_on, l.tenant_id, l.function_id, l.limit_ids[array_position(l.slots, l.blocked_on)], 0, 1, l.run_id
            FROM nightjar.live l WHERE l.blocked_on IS NOT NULL) u
      GROUP BY u.key, u.tenant_id, u.function_id, u.limit_id) k
JOIN nightjar.tenants t ON t.tenant_id = k.tenant_id
JOIN nightjar.functions f ON f.function_id = k.function_id
JOIN nightjar.apps a ON a.app_id = f.app_id
LEFT JOIN LATERAL (SELECT x FROM jsonb_array_elements(f.limits) x WHERE (x ->> 'id')::int = k.limit_id LIMIT 1) x ON true;
COMMENT ON VIEW nightjar_report.limits IS
    'Limits on how many runs execute at once, as they are used: a row for each key and function that holds a slot of it, or lacks one.';
COMMENT ON COLUMN nightjar_report.limits.tenant IS 'Whose runs they are.';
COMMENT ON COLUMN nightjar_report.limits.app IS 'The app of the function.';
COMMENT ON COLUMN nightjar_report.limits.function IS 'Whose runs hold or lack a slot.';
COMMENT ON COLUMN nightjar_report.limits.scope IS
    'Who shares the key: fn (runs of the function), env and account (of all functions with that scope and value) or tenant (all of the tenant''s); shared: env or account, of a limit that was taken away.';
COMMENT ON COLUMN nightjar_report.limits.level IS 'step: a run counts while it executes; run: from its first start to its end.';
COMMENT ON COLUMN nightjar_report.limits.key_expression IS 'The expression of which each value has a limit of its own; null: one for all.';
COMMENT ON COLUMN nightjar_report.limits.most IS 'How many there may be, as it is set now; null: any number, since the limit was taken away.';
COMMENT ON COLUMN nightjar_report.limits.used IS 'How many of the function''s runs hold a slot of the key.';
COMMENT ON COLUMN nightjar_report.limits.blocked IS 'How many of the function''s runs were looked at, and wait for this key to have room.';
COMMENT ON COLUMN nightjar_report.limits.oldest_blocked_at IS 'When the oldest of those was created; null: none waits.';
COMMENT ON COLUMN nightjar_report.limits.key IS 'Stands for the value: the same for all runs that share the limit.';
COMMENT ON COLUMN nightjar_report.limits.tenant_id IS 'The tenant''s number.';
COMMENT ON COLUMN nightjar_report.limits.function_id IS 'The function''s number.';

-- As it was, and: what must hold of slots. A key may have more than its limit is now, but never more than it had room for when
-- the last of them was granted.
DO $$ BEGIN
    EXECUTE 'CREATE OR REPLACE VIEW nightjar.invariants WITH (security_invoker = true) AS '
            || rtrim(pg_get_viewdef('nightjar.invariants'::regclass), '; ') || $sql$
UNION ALL
SELECT 'no more runs execute than there is room for', NULL::uuid, s.key::text
FROM nightjar.held_slots s
WHERE EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = s.run_id AND (s.whole OR abs(l.queue) < 536870912))
   OR EXISTS (SELECT FROM nightjar.interruptions i JOIN nightjar.sessions e ON e.session_id = i.session_id AND NOT e.dead
              WHERE i.run_id = s.run_id AND i.ended_at IS NULL)
GROUP BY s.key HAVING count(*) > max(coalesce(s.most, 2147483647))
UNION ALL
SELECT 'an admitted run holds its slots', l.run_id, k.key::text
FROM nightjar.live l CROSS JOIN LATERAL unnest(l.slots) AS k (key)
LEFT JOIN nightjar.held_slots s ON s.key = k.key AND s.run_id = l.run_id
WHERE abs(l.queue) < 536870912 AND s.run_id IS NULL
UNION ALL
SELECT 'a leased run is admitted', l.run_id, l.queue::text FROM nightjar.live l WHERE l.state = 1 AND abs(l.queue) >= 536870912
UNION ALL
SELECT 'exactly a blocked run names the key that it lacks', l.run_id, l.queue::text
FROM nightjar.live l WHERE (abs(l.queue) >= 1610612736) <> (l.blocked_on IS NOT NULL)$sql$;
END $$;

INSERT INTO nightjar.rights (kind, name) VALUES
    ('inner', 'read_limits'), ('inner', 'prune_slots'), ('inner', 'slot_limits'), ('inner', 'reclaim_slots'), ('inner', 'asking_queues'),
    ('inner', 'find_slots'), ('inner', 'check_expression'), ('tenant table', 'held_slots');

SELECT nightjar.seal();

INSERT INTO nightjar.migrations (version, name) VALUES (26, 'limits');
