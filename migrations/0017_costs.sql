-- Nightjar 0017: what the end of runs, and what hints cost.
--
-- nightjar.live_ended is as in 0010, but asks once who listens to ends. Each call of the three to nightjar.is_heard parsed and
-- planned that function's body anew, as PostgreSQL does with SQL functions that it cannot inline: 0.8 ms of a commit of
-- 57 runs that took 2.6.
SET LOCAL client_min_messages = warning;

-- Wakes workers in place of a client that does so itself after its commit: see 0002. A commit that notifies holds a lock that
-- all such commits of the cluster share, so they flush one by one: 16 clients inserted no more than one did. So of the
-- transactions that are open at the same time four notify of runs; those beyond leave it to them ("more": a worker looks again
-- a moment later). Of what is to be cancelled or answered everybody tells.
-- Locks: advisory (transaction), tried only.
CREATE OR REPLACE FUNCTION nightjar.hint(payload text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('nightjar.hints', true) IS NOT DISTINCT FROM 'own' THEN
        RETURN;
    END IF;
    FOR place IN 1..4 LOOP
        IF pg_try_advisory_xact_lock(1852403045, place) THEN        -- no other lock has it
            PERFORM pg_notify('nightjar', payload || ' more');
            RETURN;
        END IF;
    END LOOP;
    IF payload <> 'ready' THEN
        PERFORM pg_notify('nightjar', payload);
    END IF;
END $$;

-- Which of these names is heard in which of these tenants: see nightjar.is_heard. A function in FROM whose body becomes part
-- of the query.
-- Indexes: function_triggers_pkey, function_triggers_wildcard, match_paths_pkey, match_paths_wildcard.
CREATE FUNCTION nightjar.heard(tenants int[], names text[]) RETURNS TABLE (tenant_id int, name text) LANGUAGE sql STABLE AS $$
    SELECT a.tenant_id, n.name
    FROM unnest(tenants) AS a (tenant_id) CROSS JOIN unnest(names) AS n (name)
    WHERE EXISTS (SELECT FROM nightjar.function_triggers t
                  WHERE t.tenant_id = a.tenant_id AND t.event = n.name AND t.source IS NULL OFFSET 0)
       OR EXISTS (SELECT FROM nightjar.function_triggers t
                  WHERE t.tenant_id = a.tenant_id AND t.prefix IS NOT NULL AND starts_with(n.name, t.prefix) OFFSET 0)
       -- How an invoked run's end finds who waits for it is not listening to all ends.
       OR EXISTS (SELECT FROM nightjar.match_paths m
                  WHERE m.tenant_id = a.tenant_id AND m.event = n.name AND m.path <> '{data,correlation_id}' OFFSET 0)
       OR EXISTS (SELECT FROM nightjar.match_paths m
                  WHERE m.tenant_id = a.tenant_id AND m.prefix IS NOT NULL AND starts_with(n.name, m.prefix) OFFSET 0)
$$;

CREATE OR REPLACE FUNCTION nightjar.live_ended() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = on SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off AS $$
DECLARE
    ids uuid[];
    tenants int[];
    finished int[]; failed int[]; cancelled int[];      -- tenants in which somebody listens generally
BEGIN
    SELECT array_agg(e.run_id), array_agg(DISTINCT e.tenant_id) INTO ids, tenants FROM ended e;
    IF ids IS NULL THEN
        RETURN NULL;
    END IF;
    DELETE FROM nightjar.waits w WHERE w.run_id = ANY (ids);

    IF EXISTS (SELECT FROM nightjar.open_steps o WHERE o.run_id = ANY (ids)) THEN
        INSERT INTO nightjar.pending (tenant_id, key, seq, asked_at, cause)
        SELECT o.tenant_id, o.child_run_id, nextval('nightjar.event_seq'), clock_timestamp(),
               jsonb_build_object('kind', 'parent', 'parent', o.run_id)
        FROM nightjar.open_steps o
        CROSS JOIN LATERAL (SELECT t.status FROM nightjar.outcomes t WHERE t.run_id = o.run_id LIMIT 1) t
        WHERE o.run_id = ANY (ids) AND o.cascades AND t.status = 3 AND o.arrived IS NULL
          AND EXISTS (SELECT FROM nightjar.live l WHERE l.run_id = o.child_run_id OFFSET 0)
        ORDER BY o.child_run_id;
        DELETE FROM nightjar.open_steps o WHERE o.run_id = ANY (ids);
    END IF;

    SELECT array_agg(h.tenant_id) FILTER (WHERE h.name = 'inngest/function.finished'),
           array_agg(h.tenant_id) FILTER (WHERE h.name = 'inngest/function.failed'),
           array_agg(h.tenant_id) FILTER (WHERE h.name = 'inngest/function.cancelled')
    INTO finished, failed, cancelled
    FROM nightjar.heard(tenants, ARRAY['inngest/function.finished', 'inngest/function.failed', 'inngest/function.cancelled']) h;
    IF finished IS NULL AND failed IS NULL AND cancelled IS NULL AND NOT EXISTS (
           SELECT FROM ended e
           WHERE e.origin IN (1, 3) OR EXISTS (SELECT FROM nightjar.function_triggers t WHERE t.source = e.function_id)) THEN
        RETURN NULL;
    END IF;

    INSERT INTO nightjar.events (tenant_id, name, id, data)
    SELECT e.tenant_id, n.name, CASE WHEN n.name <> 'inngest/function.finished' THEN e.run_id::text END,
           jsonb_build_object(
               'function_id', a.name || '-' || f.name, 'run_id', e.run_id, 'event', b.body,
               -- No event may be too large to be stored, else the run could not end: what is large is left out, in this order.
               'events', CASE WHEN b.size <= 4194304 THEN jsonb_build_array(b.body) ELSE '[]' END,
               '_inngest', jsonb_build_object('status', (ARRAY['Completed', 'Failed', 'Cancelled'])[o.status]),
               '_nightjar', jsonb_build_object('function', e.function_id, 'quiet', NOT n.general))
           || CASE o.status
                  WHEN 1 THEN CASE WHEN octet_length(o.output::text) <= 33554432 THEN jsonb_build_object('result', o.output)
                                   ELSE jsonb_build_object('error', jsonb_build_object(
                                       'name', 'ResultTooLarge', 'code', 'invalid_output',
                                       'message', 'the result has more than 32 MiB: too large to be told')) END
                  WHEN 2 THEN jsonb_build_object('error', o.error || jsonb_build_object('error', o.error -> 'message'))
                  ELSE jsonb_build_object('cause', o.cause, 'error', jsonb_build_object(
                      'name', 'FunctionCancelled', 'code', 'invoked_cancelled', 'error', 'function cancelled',
                      'message', format('run %s of function "%s" was cancelled (%s)', e.run_id, f.name,
                                        concat_ws(' ', o.cause ->> 'kind', o.cause ->> 'event_name', o.cause ->> 'timeout',
                                                  o.cause ->> 'actor', o.cause ->> 'reason')))) END
           || CASE WHEN e.origin IN (1, 3) AND b.data #>> '{_inngest,correlation_id}' IS NOT NULL
                   THEN jsonb_build_object('correlation_id', b.data #> '{_inngest,correlation_id}') ELSE '{}' END
           || CASE WHEN n.name = 'inngest/function.cancelled' AND n.handled
                   THEN jsonb_build_object('steps', nightjar.steps_json(e.run_id)) ELSE '{}' END
    FROM ended e
    CROSS JOIN LATERAL (SELECT o.status, o.output, o.error, o.cause FROM nightjar.outcomes o WHERE o.run_id = e.run_id LIMIT 1) o
    CROSS JOIN LATERAL (
        SELECT n.name, n.general AND e.origin IN (0, 1) AS general, n.position,
               EXISTS (SELECT FROM nightjar.function_triggers t WHERE t.source = e.function_id AND t.event = n.name) AS handled
        FROM (VALUES ('inngest/function.failed', 2, coalesce(e.tenant_id = ANY (failed), false), 1),
                     ('inngest/function.cancelled', 3, coalesce(e.tenant_id = ANY (cancelled), false), 1),
                     ('inngest/function.finished', NULL, coalesce(e.tenant_id = ANY (finished), false), 2))
             AS n (name, status, general, position)
        WHERE coalesce(n.status, o.status) = o.status) n
    CROSS JOIN LATERAL (SELECT f.name, f.app_id FROM nightjar.functions f WHERE f.function_id = e.function_id OFFSET 0) f
    CROSS JOIN LATERAL (SELECT a.name FROM nightjar.apps a WHERE a.app_id = f.app_id OFFSET 0) a
    CROSS JOIN LATERAL (
        SELECT v.data, v.size, jsonb_build_object('id', coalesce(v.id, v.event_id::text), 'name', v.name, 'user', v."user",
                   'data', CASE WHEN v.size <= 8388608 THEN v.data ELSE '{}' END,
                   'ts', CASE WHEN isfinite(v.ts) THEN floor(extract(epoch FROM v.ts) * 1000)::bigint END)
                   || CASE WHEN v.size <= 8388608 THEN '{}'::jsonb ELSE '{"omitted": true}' END AS body
        FROM (SELECT v.*, octet_length(v.data::text) AS size FROM nightjar.events v WHERE v.event_id = e.event_id LIMIT 1) v) b
    -- Of a run that never was one nobody is told, but whoever invoked it.
    WHERE (n.general OR n.handled) AND o.cause ->> 'kind' IS DISTINCT FROM 'skipped'
       OR n.name = 'inngest/function.finished' AND e.origin IN (1, 3)
    ORDER BY e.run_id, n.position;
    RETURN NULL;
END $$;

REVOKE EXECUTE ON FUNCTION nightjar.heard(int[], text[]) FROM PUBLIC;

INSERT INTO nightjar.migrations (version, name) VALUES (17, 'costs');
