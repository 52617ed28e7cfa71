-- Nightjar 0009: every way in which a run is cancelled, and what is known of it afterwards.
--
-- Lock protocol: pending rows (SKIP LOCKED) → live rows ascending → open steps → waits → logs.
SET LOCAL client_min_messages = warning;

-- Cancelled runs that a worker was executing: which steps, and when their code had really ended. Not partitioned: a run
-- may be older than this table, and few are cancelled while they execute.
CREATE TABLE nightjar.interruptions (
    run_id     uuid NOT NULL PRIMARY KEY,
    tenant_id  int NOT NULL,
    session_id uuid NOT NULL,
    at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    told_at    timestamptz,                 -- when the worker heard of it
    steps      text[],                      -- whose bodies were executing then
    ended_at   timestamptz                  -- when nothing of it executed any more
);
-- What was interrupted before there was this table, has long ended.
INSERT INTO nightjar.interruptions (run_id, tenant_id, session_id, at, told_at, ended_at)
SELECT o.run_id, o.tenant_id, (o.cause ->> 'session')::uuid, o.ended_at, o.ended_at, o.ended_at
FROM nightjar.outcomes o WHERE o.status = 3 AND o.cause ->> 'session' IS NOT NULL;
CREATE INDEX interruptions_open ON nightjar.interruptions (session_id) WHERE ended_at IS NULL;

-- Ends runs as cancelled; nothing else does. Answers those that it ended, with the session that was executing each.
-- A run whose row somebody else holds is left out: its pending row stays, and the next round finds it.
-- Locks: live rows ascending, SKIP LOCKED; then open steps and waits (trigger), then the outcome is inserted.
-- Indexes: live_pkey, open_steps_pkey.
-- `leased`: also runs that a worker holds. Only a short transaction of ours may say so; a user's own transaction would
-- hold a row that a worker's group commit waits for.
CREATE OR REPLACE FUNCTION nightjar.cancel_runs(run_ids uuid[], causes jsonb[], leased boolean)
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
    ), interrupted AS (
        INSERT INTO nightjar.interruptions (run_id, tenant_id, session_id)
        SELECT h.run_id, h.tenant_id, h.session_id FROM held h WHERE h.session_id IS NOT NULL
    ), ended AS (
        INSERT INTO nightjar.outcomes (run_id, tenant_id, function_id, status, started_at, cause)
        SELECT h.run_id, h.tenant_id, h.function_id, 3, h.started_at,
               jsonb_build_object('asked_at', clock_timestamp()) || h.cause || jsonb_build_object(
                   'was', (ARRAY['queued', 'running', 'sleeping', 'retrying', 'scheduled', 'waiting', 'invoking'])[h.state + 1],
                   'session', h.session_id, 'applied_at', clock_timestamp())
               -- The steps that waited for something from outside; their rows go with the run.
               || coalesce((SELECT jsonb_build_object('open', jsonb_agg(o.step ORDER BY o.started_at, o.step))
                            FROM nightjar.open_steps o WHERE o.run_id = h.run_id HAVING count(*) > 0), '{}')
        FROM held h
    )
    SELECT h.run_id, h.session_id FROM held h;
END $$;

-- Applies what is pending: up to `events` of its rows after the sequence number `after`, up to `chunk` waits of each.
-- Each row goes through the waits of its key once, in order, over as many rounds as it takes, and is deleted at the end.
-- Waits that appear behind it belong to runs whose first claim searches the log, and to steps that look back.
-- One row a run that ended or whose step was answered (with the session that executes it). The last row has no run, and
-- tells up to which sequence number it got (null: the end), whether rows it saw have waits left, and whether somebody's lock
-- kept it from something.
-- Locks: pending SKIP LOCKED → live ascending SKIP LOCKED → open steps → waits. Indexes: pending_seq, waits_key, live_pkey.
-- Measured and rejected: waiting for locked rows instead of SKIP LOCKED — one open transaction would stop all cancels.
-- Rejected: the lowest waits again in each round until none is left. Locked or unmatched ones would keep it from the rest.
DROP FUNCTION nightjar.apply_pending(int, int, bigint);
CREATE FUNCTION nightjar.apply_pending(events int, chunk int, after bigint)
RETURNS TABLE (run_id uuid, session_id uuid, cancelled boolean, reached bigint, more boolean, stayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    tenants int[]; keys uuid[]; seqs bigint[];
    c_row int[]; c_run uuid[]; c_policy int[]; c_purpose int[]; c_holds boolean[];
    ended uuid[] := '{}'; answered uuid[] := '{}'; missed uuid[];
    ids uuid[]; reasons jsonb[]; policies int[]; answers uuid[];
    most constant int := 4 * chunk + events;     -- waits in one round, over all rows
    cut int;                                     -- the row at which the round reached that limit
    unfinished int;
    kept int;
    gone int;
BEGIN
    SELECT array_agg(p.tenant_id), array_agg(p.key), array_agg(p.seq) INTO tenants, keys, seqs
    FROM (SELECT p.tenant_id, p.key, p.seq FROM nightjar.pending p WHERE p.seq > after
          ORDER BY p.seq LIMIT events FOR UPDATE SKIP LOCKED) p;
    IF seqs IS NULL THEN
        RETURN QUERY SELECT NULL::uuid, NULL::uuid, NULL::boolean, NULL::bigint, false, false;
        RETURN;
    END IF;

    -- READ COMMITTED: this statement's snapshot is younger than those rows' commits.
    SELECT array_agg(c.row), array_agg(c.run_id), array_agg(c.policy_id), array_agg(c.purpose), array_agg(c.holds)
    INTO c_row, c_run, c_policy, c_purpose, c_holds FROM (
        SELECT t.row::int, c.run_id, c.policy_id, c.purpose::int, c.holds
        FROM unnest(tenants, keys, seqs) WITH ORDINALITY AS t (tenant_id, key, seq, row)
        CROSS JOIN LATERAL (SELECT p.* FROM nightjar.pending p
                            WHERE p.tenant_id = t.tenant_id AND p.key = t.key AND p.seq = t.seq OFFSET 0) p
        CROSS JOIN LATERAL (
            (SELECT w.run_id, w.policy_id, w.purpose,
                    CASE w.purpose WHEN 1 THEN nightjar.policy_holds(w.policy_id, w.run_id, p.event_id, p.asked_at)
                                   ELSE nightjar.wait_holds(w.run_id, w.policy_id, p.event_id, p.asked_at) END AS holds
             FROM (SELECT w.run_id, w.policy_id, w.purpose FROM nightjar.waits w
                   WHERE w.tenant_id = p.tenant_id AND w.key = p.key AND w.since < p.seq AND p.event_id IS NOT NULL
                     AND (w.run_id, w.policy_id) > (coalesce(p.run_id, '00000000-0000-0000-0000-000000000000'),
                                                    coalesce(p.policy_id, 0))
                   ORDER BY w.run_id, w.policy_id LIMIT chunk) w)
            UNION ALL
            (SELECT l.run_id, NULL, 1, true FROM nightjar.live l
             WHERE p.event_id IS NULL AND l.run_id = p.key AND l.tenant_id = p.tenant_id)) c
        LIMIT most) c;
    cut := CASE WHEN cardinality(c_row) = most THEN c_row[most] END;

    -- Cancels first: nobody needs an answer any more. Of several events, the earliest is the cause.
    SELECT array_agg(h.run_id), array_agg(h.cause) INTO ids, reasons FROM (
        SELECT DISTINCT ON (h.run_id) h.run_id,
               CASE WHEN p.event_id IS NULL
                    THEN coalesce(p.cause, '{"kind": "manual"}') || jsonb_strip_nulls(jsonb_build_object('actor', p.actor, 'asked_at', p.asked_at))
                    ELSE jsonb_build_object('kind', 'event', 'event_id', p.event_id, 'event_seq', p.seq,
                                            'event_name', (SELECT e.name FROM nightjar.events e WHERE e.event_id = p.event_id),
                                            'policy_id', h.policy_id, 'asked_at', p.asked_at) END AS cause
        FROM unnest(c_row, c_run, c_policy, c_purpose, c_holds) AS h (row, run_id, policy_id, purpose, holds)
        CROSS JOIN LATERAL (SELECT p.* FROM nightjar.pending p
                            WHERE p.tenant_id = tenants[h.row] AND p.key = keys[h.row] AND p.seq = seqs[h.row] OFFSET 0) p
        WHERE h.holds AND h.purpose = 1
        ORDER BY h.run_id, p.seq, h.policy_id) h;
    IF ids IS NOT NULL THEN
        FOR run_id, session_id IN SELECT c.run_id, c.session_id FROM nightjar.cancel_runs(ids, reasons, true) c LOOP
            ended := ended || run_id;
            cancelled := true;
            RETURN NEXT;
        END LOOP;
    END IF;

    SELECT array_agg(h.run_id), array_agg(h.policy_id), array_agg(h.event_id) INTO ids, policies, answers FROM (
        SELECT DISTINCT ON (h.run_id, -h.policy_id / 16) h.run_id, h.policy_id, p.event_id
        FROM unnest(c_row, c_run, c_policy, c_purpose, c_holds) AS h (row, run_id, policy_id, purpose, holds)
        CROSS JOIN LATERAL (SELECT p.* FROM nightjar.pending p
                            WHERE p.tenant_id = tenants[h.row] AND p.key = keys[h.row] AND p.seq = seqs[h.row] OFFSET 0) p
        WHERE h.holds AND h.purpose = 2 AND h.run_id NOT IN (SELECT unnest(ended))
          -- What came before it began to wait counts first: see nightjar.look_back.
          AND NOT EXISTS (SELECT FROM nightjar.open_steps o
                          WHERE o.run_id = h.run_id AND o.slot = -h.policy_id / 16 AND NOT o.searched
                            AND (o.spec ->> 'look_back')::boolean OFFSET 0)
        ORDER BY h.run_id, -h.policy_id / 16, p.seq) h;
    IF ids IS NOT NULL THEN
        FOR run_id, session_id IN SELECT a.run_id, a.session_id FROM nightjar.answer(ids, policies, answers) a LOOP
            answered := answered || run_id;
            cancelled := false;
            RETURN NEXT;
        END LOOP;
    END IF;

    -- How far each row got. What holds and is neither ended nor answered, although it lives, is locked by somebody.
    WITH seen AS MATERIALIZED (
        SELECT h.*, h.holds AND h.run_id NOT IN (SELECT unnest(ended))
                    AND (h.purpose = 1 OR h.run_id NOT IN (SELECT unnest(answered)))
                    AND EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = h.run_id OFFSET 0) AS missed
        FROM unnest(c_row, c_run, c_policy, c_purpose, c_holds) WITH ORDINALITY
             AS h (row, run_id, policy_id, purpose, holds, position)
    ), standing AS MATERIALIZED (
        SELECT t.row, t.tenant_id, t.key, t.seq, count(s.row) < chunk AND (t.row < cut OR cut IS NULL) AS finished,
               least(p.again_from, min(s.run_id::text) FILTER (WHERE s.missed)::uuid) AS again_from,
               (array_agg(s.run_id ORDER BY s.position DESC) FILTER (WHERE s.row IS NOT NULL))[1] AS last_run,
               (array_agg(s.policy_id ORDER BY s.position DESC) FILTER (WHERE s.row IS NOT NULL))[1] AS last_policy
        FROM unnest(tenants, keys, seqs) WITH ORDINALITY AS t (tenant_id, key, seq, row)
        CROSS JOIN LATERAL (SELECT p.again_from FROM nightjar.pending p
                            WHERE p.tenant_id = t.tenant_id AND p.key = t.key AND p.seq = t.seq OFFSET 0) p
        LEFT JOIN seen s ON s.row = t.row
        WHERE t.row <= cut OR cut IS NULL
        GROUP BY t.row, t.tenant_id, t.key, t.seq, p.again_from
    ), through AS (
        DELETE FROM nightjar.pending p
        WHERE p.seq = ANY (seqs)
          AND (p.tenant_id, p.key, p.seq) IN (SELECT s.tenant_id, s.key, s.seq FROM standing s WHERE s.finished AND s.again_from IS NULL)
        RETURNING 1
    ), further AS (
        UPDATE nightjar.pending p
        SET run_id = CASE WHEN s.finished THEN s.again_from ELSE s.last_run END,
            policy_id = CASE WHEN s.finished THEN -2147483648 ELSE s.last_policy END,
            again_from = CASE WHEN s.finished THEN NULL ELSE s.again_from END
        FROM standing s
        WHERE p.tenant_id = s.tenant_id AND p.key = s.key AND p.seq = s.seq
          AND NOT (s.finished AND s.again_from IS NULL)
    )
    SELECT count(*) FILTER (WHERE s.finished AND s.again_from IS NOT NULL),
           count(*) FILTER (WHERE NOT s.finished) + CASE WHEN cut IS NULL THEN 0 ELSE 1 END,
           (SELECT count(*) FROM through)
    INTO kept, unfinished, gone FROM standing s;

    RETURN QUERY
    SELECT NULL::uuid, NULL::uuid, NULL::boolean,
           -- Short of the last one, which may have further rows: an event has as many as it has keys. One that fills the
           -- round alone is gone on with as long as that gets somewhere.
           CASE WHEN cardinality(seqs) = events
                THEN CASE WHEN seqs[1] < seqs[events] OR gone > 0 THEN seqs[events] - 1 ELSE seqs[1] END END,
           unfinished > 0, kept > 0;
END $$;
DROP FUNCTION nightjar.matches(int, uuid, bigint, uuid, timestamptz, text, int);

-- Cancels one run by hand. Answers 'cancelled', 'requested' (a worker holds it: it takes effect with this transaction's
-- commit), 'ended' (it has an outcome already) or 'unknown'.
-- Locks: the live row, unless a worker holds it; the waits of the run. Indexes: live_pkey, outcomes_pkey.
DROP FUNCTION nightjar.cancel(uuid, text);
CREATE FUNCTION nightjar.cancel(run_id uuid, actor text DEFAULT session_user, reason text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    asked constant timestamptz := clock_timestamp();
    cause constant jsonb := jsonb_strip_nulls(jsonb_build_object('kind', 'manual', 'reason', cancel.reason));
    owner int;
BEGIN
    SELECT l.tenant_id INTO owner FROM nightjar.live l
    WHERE l.run_id = cancel.run_id AND l.tenant_id = nightjar.current_tenant();
    IF FOUND THEN
        PERFORM FROM nightjar.cancel_runs(ARRAY[cancel.run_id], ARRAY[cause || jsonb_strip_nulls(jsonb_build_object(
            'actor', cancel.actor, 'asked_at', asked))], false);
        IF FOUND THEN
            PERFORM nightjar.hint('ready pending');     -- handlers, and runs that it waited for
            RETURN 'cancelled';
        END IF;
        IF EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = cancel.run_id) THEN
            INSERT INTO nightjar.pending (tenant_id, key, seq, asked_at, actor, cause)
            VALUES (owner, cancel.run_id, nextval('nightjar.event_seq'), asked, cancel.actor, cause);
            PERFORM nightjar.hint('pending');
            RETURN 'requested';
        END IF;
    END IF;
    RETURN CASE WHEN EXISTS (SELECT FROM nightjar.outcomes o
                             WHERE o.run_id = cancel.run_id AND o.tenant_id = nightjar.current_tenant())
                THEN 'ended' ELSE 'unknown' END;
END $$;

-- Cancels up to `most` runs whose time is up: that have not begun in time, or have not ended in time.
-- Answers those that it ended, with the session that was executing each.
-- Locks: live ascending SKIP LOCKED → open steps → waits. Index: live_expires.
CREATE FUNCTION nightjar.expire(most int) RETURNS TABLE (run_id uuid, session_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    at constant timestamptz := clock_timestamp();   -- a call in its place would not bound the scan of the index
    ids uuid[];
    causes jsonb[];
BEGIN
    SELECT array_agg(l.run_id), array_agg(jsonb_build_object(
               'kind', 'timeout', 'timeout', CASE WHEN l.epoch = 0 THEN 'start' ELSE 'finish' END, 'asked_at', l.expires_at))
    INTO ids, causes
    FROM (SELECT l.run_id, l.epoch, l.expires_at FROM nightjar.live l WHERE l.expires_at <= at
          ORDER BY l.expires_at, l.run_id LIMIT most FOR UPDATE SKIP LOCKED) l;
    IF ids IS NOT NULL THEN
        RETURN QUERY SELECT c.run_id, c.session_id FROM nightjar.cancel_runs(ids, causes, true) c;
    END IF;
END $$;

REVOKE EXECUTE ON FUNCTION nightjar.apply_pending(int, int, bigint), nightjar.cancel(uuid, text, text), nightjar.expire(int)
    FROM PUBLIC;

INSERT INTO nightjar.migrations (version, name) VALUES (9, 'cancelling');
