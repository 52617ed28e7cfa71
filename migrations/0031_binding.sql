-- Nightjar 0031: a first limit binds the runs that are there already.
--
-- nightjar.place gives a run its slots as it is created. When a function gets its first limit, or a tenant its own, the runs of
-- before have none. So the function or the tenant is marked, and workers walk once through all live runs, some hundreds at a time:
-- what does not execute waits for slots from then on; what does is counted, but not stopped.
SET LOCAL client_min_messages = warning;

LOCK TABLE nightjar.functions, nightjar.tenants IN ACCESS EXCLUSIVE MODE;

-- A mark of the transaction that set the first limit, while runs may be there that are not bound by it; null: none.
ALTER TABLE nightjar.functions ADD COLUMN binds_since bigint;
ALTER TABLE nightjar.tenants ADD COLUMN binds_since bigint;
CREATE INDEX functions_binding ON nightjar.functions (function_id) WHERE binds_since IS NOT NULL;
CREATE INDEX tenants_binding ON nightjar.tenants (tenant_id) WHERE binds_since IS NOT NULL;

-- How far the walk has come: one row.
CREATE TABLE nightjar.binding (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    after uuid,                         -- null: none is under way
    marks bigint[],                     -- which limits are bound when it has come to its end
    waits_for text[],                   -- transactions that may add runs that are not bound by these; null: the next walk finds out
    last boolean NOT NULL DEFAULT false,-- none of these was open when it began
    missed boolean NOT NULL DEFAULT false,
    began_at timestamptz,
    next_at timestamptz                 -- not before
);
INSERT INTO nightjar.binding DEFAULT VALUES;

-- As in 0026, and: a first limit is to bind what is there. What this transaction has made has no runs.
CREATE OR REPLACE FUNCTION nightjar.limits_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NEW.priority IS NOT NULL THEN
        PERFORM nightjar.check_expression(NEW.priority, true);
    END IF;
    NEW.limits := nightjar.read_limits(NEW.options);
    NEW.limit_ids := (SELECT array_agg((x ->> 'id')::int ORDER BY position) FROM jsonb_array_elements(NEW.limits) WITH ORDINALITY AS l (x, position));
    IF NEW.limits IS NULL THEN
        NEW.binds_since := NULL;
    ELSIF TG_OP = 'UPDATE' AND OLD.limits IS NULL AND OLD.changed_at < now() THEN
        NEW.binds_since := pg_current_xact_id()::text::bigint;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION nightjar.tenant_limit_changed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.binds_since := CASE WHEN NEW.max_executing IS NOT NULL THEN pg_current_xact_id()::text::bigint END;
    RETURN NEW;
END $$;
CREATE TRIGGER tenant_limit_changed BEFORE UPDATE OF max_executing ON nightjar.tenants
    FOR EACH ROW WHEN ((NEW.max_executing IS NULL) <> (OLD.max_executing IS NULL)) EXECUTE FUNCTION nightjar.tenant_limit_changed();

-- Binds the next `most` live runs by limits that are younger than they. Answers when it is to be called again, by anybody; null: all
-- are bound. It is walked once more where rows were locked, and once all transactions have ended that may have begun before the
-- limit was set: at REPEATABLE READ these add runs that are not bound, as long as they are open.
--
-- Locks: the row of `binding`, SKIP LOCKED; advisory, as nightjar.grant_slots; live, SKIP LOCKED; functions and tenants, SKIP LOCKED.
-- Indexes: functions_binding, tenants_binding, live_pkey, events_pkey.
CREATE FUNCTION nightjar.bind_runs(most int DEFAULT 500) RETURNS interval
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    walk nightjar.binding;
    young_functions int[];
    young_tenants int[];
    upto uuid;
    ids uuid[];
    r record;
    need record;
    still text[];
    stays boolean;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'runs are bound at READ COMMITTED: what others have granted has to be seen'
            USING ERRCODE = 'invalid_transaction_state';
    END IF;
    SELECT b.* INTO walk FROM nightjar.binding b FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN interval '1 s';
    END IF;
    young_functions := ARRAY(SELECT f.function_id FROM nightjar.functions f WHERE f.binds_since IS NOT NULL);
    young_tenants := ARRAY(SELECT t.tenant_id FROM nightjar.tenants t WHERE t.binds_since IS NOT NULL);
    IF young_functions = '{}' AND young_tenants = '{}' THEN
        UPDATE nightjar.binding b SET after = NULL, waits_for = NULL, next_at = NULL
        WHERE b.after IS NOT NULL OR b.waits_for IS NOT NULL OR b.next_at IS NOT NULL;
        RETURN NULL;
    ELSIF walk.next_at > clock_timestamp() THEN
        RETURN walk.next_at - clock_timestamp();
    END IF;
    IF walk.after IS NULL THEN
        walk.after := '00000000-0000-0000-0000-000000000000';
        still := nightjar.open_transactions();
        IF walk.waits_for IS NULL THEN
            walk.marks := ARRAY(SELECT f.binds_since FROM nightjar.functions f WHERE f.binds_since IS NOT NULL
                                UNION SELECT t.binds_since FROM nightjar.tenants t WHERE t.binds_since IS NOT NULL);
        ELSE
            -- One that is prepared goes on under another name: it may be one of them.
            still := ARRAY(SELECT w FROM unnest(still) w WHERE w = ANY (walk.waits_for) OR starts_with(w, 'prepared '));
        END IF;
        walk.waits_for := still;
        walk.last := still = '{}';
        walk.missed := false;
        walk.began_at := clock_timestamp();
    END IF;

    upto := (SELECT l.run_id FROM nightjar.live l WHERE l.run_id > walk.after ORDER BY l.run_id OFFSET most - 1 LIMIT 1);
    ids := ARRAY(SELECT l.run_id
                 FROM (SELECT l.run_id, l.function_id, l.tenant_id, l.slots, l.limit_ids FROM nightjar.live l
                       WHERE l.run_id > walk.after ORDER BY l.run_id LIMIT most) l
                 WHERE l.slots IS NULL AND l.function_id = ANY (young_functions)
                    OR l.tenant_id = ANY (young_tenants) AND (0 = ANY (l.limit_ids)) IS NOT TRUE);
    IF ids <> '{}' THEN
        PERFORM pg_advisory_xact_lock(1852403047, 0);
        -- The event here, since a function in SQL is planned once for each statement that calls it: 0.2 ms.
        FOR r IN SELECT l.run_id, l.tenant_id, l.function_id, l.state, l.epoch, l.queue, l.slots, f.limits, t.max_executing,
                        CASE WHEN f.limits @? '$[*] ? (@.key != null)' THEN nightjar.event_json(l.event_id, true) END AS event
                 FROM unnest(ids) AS w (run_id)
                 CROSS JOIN LATERAL (SELECT l.* FROM nightjar.live l
                                     WHERE l.run_id = w.run_id AND (l.slots IS NULL OR (0 = ANY (l.limit_ids)) IS NOT TRUE)
                                     FOR UPDATE SKIP LOCKED) l
                 CROSS JOIN LATERAL (SELECT f.limits FROM nightjar.functions f WHERE f.function_id = l.function_id OFFSET 0) f
                 LEFT JOIN LATERAL (SELECT t.max_executing FROM nightjar.tenants t WHERE t.tenant_id = l.tenant_id OFFSET 0) t ON true LOOP
            SELECT n.slots, n.limit_ids INTO need
            FROM nightjar.find_slots(r.limits, r.max_executing, r.tenant_id, r.function_id, r.event) n;
            CONTINUE WHEN need.slots IS NULL;
            -- It executes, or is about to with the slots that it was granted.
            stays := r.state = 1 OR r.slots IS NOT NULL AND abs(r.queue) < 536870912;
            -- Beyond what there is room for, too: nobody is stopped, and no other begins until there are few enough.
            INSERT INTO nightjar.held_slots (key, run_id, tenant_id, function_id, limit_id, whole, most)
            SELECT k.key, r.run_id, r.tenant_id, r.function_id, k.limit_id, k.key::text ~ '^[23]', NULL
            FROM unnest(need.slots, need.limit_ids) AS k (key, limit_id)
            WHERE stays OR r.epoch > 0 AND k.key::text ~ '^[23]'
            ON CONFLICT DO NOTHING;
            UPDATE nightjar.live l
            SET slots = need.slots, limit_ids = need.limit_ids, blocked_on = NULL,
                queue = CASE WHEN stays THEN l.queue ELSE sign(l.queue)::int * (abs(l.queue) % 536870912 + 1073741824) END
            WHERE l.run_id = r.run_id;
        END LOOP;
        walk.missed := walk.missed OR EXISTS (
            SELECT FROM unnest(ids) AS w (run_id)
            CROSS JOIN LATERAL (SELECT l.function_id, l.tenant_id, l.slots, l.limit_ids FROM nightjar.live l WHERE l.run_id = w.run_id OFFSET 0) l
            WHERE l.slots IS NULL AND l.function_id = ANY (young_functions)
               OR l.tenant_id = ANY (young_tenants) AND (0 = ANY (l.limit_ids)) IS NOT TRUE);
    END IF;

    walk.after := upto;
    IF upto IS NULL THEN
        IF walk.last AND NOT walk.missed THEN
            walk.waits_for := NULL;
            UPDATE nightjar.functions f SET binds_since = NULL WHERE f.function_id = ANY (ARRAY(
                SELECT f.function_id FROM nightjar.functions f
                WHERE f.binds_since IS NOT NULL AND f.binds_since = ANY (walk.marks)
                FOR UPDATE SKIP LOCKED));
            UPDATE nightjar.tenants t SET binds_since = NULL WHERE t.tenant_id = ANY (ARRAY(
                SELECT t.tenant_id FROM nightjar.tenants t
                WHERE t.binds_since IS NOT NULL AND t.binds_since = ANY (walk.marks)
                FOR UPDATE SKIP LOCKED));
        END IF;
        -- A fiftieth of the time, at most.
        walk.next_at := clock_timestamp() + greatest((clock_timestamp() - walk.began_at) * 50, interval '1 s');
    END IF;
    UPDATE nightjar.binding b
    SET after = walk.after, marks = walk.marks, waits_for = walk.waits_for, last = walk.last, missed = walk.missed,
        began_at = walk.began_at, next_at = walk.next_at;
    RETURN interval '0';
END $$;

INSERT INTO nightjar.rights (kind, name) VALUES ('inner', 'tenant_limit_changed');

SELECT nightjar.seal();

INSERT INTO nightjar.migrations (version, name) VALUES (31, 'binding');
