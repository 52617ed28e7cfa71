-- Hands the runs of dead sessions back, up to $1 of them. A run that held its worker at its $2-th death in a row without
-- ever parking fails instead: else one that kills its process would take down a worker after the other.
-- One that a committed event cancels does not fail: it goes back, no claim takes it, and the cancel is applied.
-- Locks: live rows, SKIP LOCKED → open steps → waits. Indexes: live_session, waits_run, pending_pkey.
WITH held AS MATERIALIZED (
    SELECT l.*, l.deaths + 1 >= $2
           AND NOT EXISTS (
               SELECT FROM (SELECT w.tenant_id, w.key, w.since, w.policy_id FROM nightjar.waits w
                            WHERE w.run_id = l.run_id AND w.purpose = 1 OFFSET 0) w
               WHERE EXISTS (SELECT FROM nightjar.pending p
                             WHERE p.tenant_id = w.tenant_id AND p.key = w.key AND p.seq + 0 > w.since
                               AND nightjar.policy_holds(w.policy_id, l.run_id, p.event_id, p.asked_at) OFFSET 0))
           AND NOT EXISTS (SELECT FROM nightjar.pending p WHERE p.tenant_id = l.tenant_id AND p.key = l.run_id OFFSET 0)
           AS fails
    FROM nightjar.sessions s
    CROSS JOIN LATERAL (
        SELECT l.run_id, l.tenant_id, l.function_id, l.started_at, l.deaths FROM nightjar.live l
        WHERE l.session_id = s.session_id AND l.state = 1
        ORDER BY l.run_id LIMIT $1 FOR UPDATE SKIP LOCKED) l
    WHERE s.dead
    LIMIT $1
), back AS (
    -- From the second death in a row on they come back one by one: else those that only waited beside the culprit are
    -- claimed with it again, and share its fate.
    UPDATE nightjar.live l
    SET session_id = NULL, deaths = l.deaths + 1, state = CASE WHEN l.deaths = 0 THEN 0 ELSE 3 END,
        due_at = CASE WHEN l.deaths > 0 THEN now() + random() * interval '2 s' * 2 ^ least(l.deaths, 6) END,
        -- What it needs slots for does not execute until then: see nightjar.grant_slots.
        queue = CASE WHEN l.slots IS NULL OR l.deaths = 0 THEN l.queue ELSE l.queue + sign(l.queue)::int * 1073741824 END
    WHERE l.run_id = ANY (ARRAY(SELECT h.run_id FROM held h WHERE NOT h.fails))
    RETURNING l.run_id
), gone AS (
    DELETE FROM nightjar.live l WHERE l.run_id = ANY (ARRAY(SELECT h.run_id FROM held h WHERE h.fails))
), failed AS (
    INSERT INTO nightjar.outcomes (run_id, tenant_id, function_id, status, started_at, error)
    SELECT h.run_id, h.tenant_id, h.function_id, 2, h.started_at, jsonb_build_object(
               'name', 'WorkerLost', 'code', 'worker_lost',
               'message', format('%s workers in a row died while they executed this run; it is not given to another one', h.deaths + 1))
    FROM held h WHERE h.fails
    RETURNING run_id
)
SELECT (SELECT count(*) FROM back) AS handed_back, (SELECT count(*) FROM failed) AS failed
