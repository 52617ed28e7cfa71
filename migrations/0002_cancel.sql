-- Nightjar 0002: match keys, and the one way in which a run ends as cancelled.
--
-- Lock protocol (docs/lock-protocol.md): pending rows (SKIP LOCKED) → live rows ascending → waits → logs.
SET LOCAL client_min_messages = warning;

-- One text for each JSON value, so that equal values have equal keys: 1 equals 1.0, "1" does not equal 1, an object's
-- keys have no order. jsonb's own text keeps a number's scale, hence this.
CREATE FUNCTION nightjar.canonical_json(value jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    CASE jsonb_typeof(value)
        WHEN 'number' THEN
            RETURN trim_scale(value::numeric)::text;
        WHEN 'array' THEN
            RETURN '[' || coalesce((SELECT string_agg(nightjar.canonical_json(element), ',' ORDER BY position)
                                    FROM jsonb_array_elements(value) WITH ORDINALITY AS t (element, position)), '') || ']';
        WHEN 'object' THEN
            RETURN '{' || coalesce((SELECT string_agg(to_jsonb(key)::text || ':' || nightjar.canonical_json(element), ','
                                                      ORDER BY key COLLATE "C")
                                    FROM jsonb_each(value) AS t (key, element)), '') || '}';
        ELSE
            RETURN value::text;
    END CASE;
END $$;

-- 128 bits of SHA-256 over event name, path and value. Wide enough that nobody can make two values meet, so the value
-- itself need not be read again; a 64-bit hash would be 8 bytes narrower and would need that second look.
CREATE FUNCTION nightjar.match_key(event text, path text[], value jsonb) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT encode(substring(sha256(convert_to(
               event || E'\x1f' || array_to_string(path, E'\x1f') || E'\x1e' || nightjar.canonical_json(value), 'UTF8'))
           FROM 1 FOR 16), 'hex')::uuid
$$;

-- What stands at a path of an event; SQL NULL where nothing stands, which is not the same as a JSON null. At the empty
-- path every event holds the same: how a policy matches all events of a name.
CREATE FUNCTION nightjar.event_value(path text[], name text, data jsonb, "user" jsonb, id text, ts timestamptz)
RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE coalesce(path[1], '')
        WHEN ''  THEN 'true'::jsonb
        WHEN 'data' THEN data #> path[2:]
        WHEN 'user' THEN "user" #> path[2:]
        WHEN 'name' THEN to_jsonb(name)
        WHEN 'id'   THEN to_jsonb(id)
        WHEN 'ts'   THEN to_jsonb(floor(extract(epoch FROM ts) * 1000)::bigint)
    END
$$;

-- The live row is gone: nobody may find the run by the match index any more.
-- Index: waits_run.
CREATE FUNCTION nightjar.live_ended() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
BEGIN
    DELETE FROM nightjar.waits w WHERE w.run_id = ANY (ARRAY(SELECT e.run_id FROM ended e));
    RETURN NULL;
END $$;
CREATE TRIGGER live_ended AFTER DELETE ON nightjar.live
    REFERENCING OLD TABLE AS ended FOR EACH STATEMENT EXECUTE FUNCTION nightjar.live_ended();

-- Ends runs as cancelled; nothing else does. Answers those that it ended, with the session that was executing each.
-- A run whose row somebody else holds is left out: its pending row stays, and the next round finds it.
-- Locks: live rows ascending, SKIP LOCKED; then waits (trigger), then the outcome is inserted. Index: live_pkey.
-- `leased`: also runs that a worker holds. Only a short transaction of ours may say so; a user's own transaction would
-- hold a row that a worker's group commit waits for.
CREATE FUNCTION nightjar.cancel_runs(run_ids uuid[], causes jsonb[], leased boolean)
RETURNS TABLE (run_id uuid, session_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH asked AS MATERIALIZED (
        SELECT t.run_id, t.cause FROM unnest(run_ids, causes) AS t (run_id, cause) ORDER BY t.run_id
    ), held AS MATERIALIZED (
        -- LATERAL: a plain join could be planned as a scan of `live`, whatever its size has become since.
        SELECT l.*, a.cause FROM asked a
        CROSS JOIN LATERAL (
            SELECT l.run_id, l.tenant_id, l.function_id, l.session_id, l.state, l.started_at FROM nightjar.live l
            WHERE l.run_id = a.run_id AND (leased OR l.state <> 1)
            FOR UPDATE SKIP LOCKED) l
    ), gone AS (
        DELETE FROM nightjar.live l WHERE l.run_id = ANY (ARRAY(SELECT h.run_id FROM held h))
    ), ended AS (
        INSERT INTO nightjar.outcomes (run_id, tenant_id, function_id, status, started_at, cause)
        SELECT h.run_id, h.tenant_id, h.function_id, 3, h.started_at,
               h.cause || jsonb_build_object(
                   'was', (ARRAY['queued', 'running', 'sleeping', 'retrying', 'scheduled'])[h.state + 1],
                   'session', h.session_id, 'applied_at', clock_timestamp())
        FROM held h
    )
    SELECT h.run_id, h.session_id FROM held h;
END $$;

-- Applies what is pending: up to `events` of its rows after the sequence number `after`, up to `chunk` runs each.
-- A pending row goes when its probe, in a statement begun after the event's commit, finds no run left.
-- One row a run that ended (with the session that was executing it); the last row has no run, and tells up to which
-- sequence number it got (null: the end was reached) and whether something had to stay.
-- Locks: pending SKIP LOCKED → live ascending SKIP LOCKED → waits. Indexes: pending_seq, waits_pkey, live_pkey.
-- Measured and rejected: waiting for locked rows instead of SKIP LOCKED — one open transaction would stop all cancels.
CREATE FUNCTION nightjar.apply_pending(events int, chunk int, after bigint)
RETURNS TABLE (run_id uuid, session_id uuid, reached bigint, stayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    tenants int[]; keys uuid[]; seqs bigint[];
    ids uuid[]; reasons jsonb[];
    done int;
BEGIN
    SELECT array_agg(p.tenant_id), array_agg(p.key), array_agg(p.seq) INTO tenants, keys, seqs
    FROM (SELECT p.tenant_id, p.key, p.seq FROM nightjar.pending p WHERE p.seq > after
          ORDER BY p.seq LIMIT events FOR UPDATE SKIP LOCKED) p;
    IF seqs IS NULL THEN
        RETURN QUERY SELECT NULL::uuid, NULL::uuid, NULL::bigint, false;
        RETURN;
    END IF;

    -- The earliest event is the cause. READ COMMITTED: this statement's snapshot is younger than those rows' commits.
    SELECT array_agg(m.run_id), array_agg(m.cause) INTO ids, reasons FROM (
        SELECT DISTINCT ON (m.run_id) m.run_id, m.cause
        FROM unnest(tenants, keys, seqs) AS t (tenant_id, key, seq)
        CROSS JOIN LATERAL (SELECT p.* FROM nightjar.pending p
                            WHERE p.tenant_id = t.tenant_id AND p.key = t.key AND p.seq = t.seq OFFSET 0) p
        CROSS JOIN LATERAL nightjar.matches(p.tenant_id, p.key, p.seq, p.event_id, p.asked_at, p.actor, chunk) m
        ORDER BY m.run_id, p.seq LIMIT 2000) m;

    IF ids IS NOT NULL THEN
        RETURN QUERY SELECT c.run_id, c.session_id, NULL::bigint, NULL::boolean
                     FROM nightjar.cancel_runs(ids, reasons, true) c;
    END IF;

    -- A fresh look: what still matches was locked by somebody, or lay beyond the chunk.
    DELETE FROM nightjar.pending p
    WHERE p.seq = ANY (seqs) AND (p.tenant_id, p.key, p.seq) IN (SELECT * FROM unnest(tenants, keys, seqs))
      AND NOT EXISTS (SELECT FROM nightjar.matches(p.tenant_id, p.key, p.seq, p.event_id, p.asked_at, p.actor, 1));
    GET DIAGNOSTICS done = ROW_COUNT;
    RETURN QUERY
    SELECT NULL::uuid, NULL::uuid, 
           -- Short of the last one, if there are others: an event has as many rows here as it has keys.
           CASE WHEN cardinality(seqs) = events THEN greatest(seqs[1], seqs[events] - 1) END, done < cardinality(seqs);
END $$;

-- The runs that one pending row cancels, and why.
-- Indexes: waits_pkey (an event's key), live_pkey (by hand: the key is the run).
CREATE FUNCTION nightjar.matches(tenant_id int, key uuid, seq bigint, event_id uuid, asked_at timestamptz, actor text,
                                 most int)
RETURNS TABLE (run_id uuid, cause jsonb) LANGUAGE sql STABLE AS $$
    (SELECT w.run_id, jsonb_build_object('kind', 'event', 'event_id', matches.event_id, 'event_seq', matches.seq,
                                         'policy_id', w.policy_id, 'asked_at', matches.asked_at)
     FROM nightjar.waits w
     WHERE w.tenant_id = matches.tenant_id AND w.key = matches.key AND w.since < matches.seq AND w.purpose = 1
       AND matches.event_id IS NOT NULL
     ORDER BY w.run_id LIMIT matches.most)
    UNION ALL
    (SELECT l.run_id, jsonb_build_object('kind', 'manual', 'actor', matches.actor, 'asked_at', matches.asked_at)
     FROM nightjar.live l
     WHERE matches.event_id IS NULL AND l.run_id = matches.key AND l.tenant_id = matches.tenant_id)
$$;

-- Wakes workers in place of a client that does so itself after its commit, coalesced. A NOTIFY inside a writing
-- transaction takes a lock through the commit that all notifying commits share, so our own clients set
-- nightjar.hints = 'own'; anybody else's insert still wakes an idle worker at once.
CREATE FUNCTION nightjar.hint(payload text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('nightjar.hints', true) IS DISTINCT FROM 'own' THEN
        PERFORM pg_notify('nightjar', payload);
    END IF;
END $$;

-- Cancels one run by hand. Answers 'cancelled', 'requested' (a worker holds it: it takes effect with this transaction's
-- commit), 'ended' (it has an outcome already) or 'unknown'.
-- Locks: the live row, unless a worker holds it; the waits of the run. Indexes: live_pkey, outcomes_pkey.
CREATE FUNCTION nightjar.cancel(run_id uuid, actor text DEFAULT session_user) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    asked constant timestamptz := clock_timestamp();
    owner int;
BEGIN
    PERFORM FROM nightjar.cancel_runs(ARRAY[cancel.run_id], ARRAY[jsonb_build_object(
        'kind', 'manual', 'actor', cancel.actor, 'asked_at', asked)], false);
    IF FOUND THEN
        RETURN 'cancelled';
    END IF;
    SELECT l.tenant_id INTO owner FROM nightjar.live l WHERE l.run_id = cancel.run_id;
    IF owner IS NOT NULL THEN
        INSERT INTO nightjar.pending (tenant_id, key, seq, asked_at, actor)
        VALUES (owner, cancel.run_id, nextval('nightjar.event_seq'), asked, cancel.actor);
        PERFORM nightjar.hint('pending');
        RETURN 'requested';
    END IF;
    RETURN CASE WHEN EXISTS (SELECT FROM nightjar.outcomes o WHERE o.run_id = cancel.run_id) THEN 'ended' ELSE 'unknown' END;
END $$;

INSERT INTO nightjar.migrations (version, name) VALUES (2, 'cancel');
