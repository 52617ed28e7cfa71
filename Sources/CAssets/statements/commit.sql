-- Records what a worker's runs did since their last commit: one statement, one snapshot, one flush for all of them.
-- Answers the runs whose lease was good, and whether one that wanted to wait is ready instead: what it did not know of yet
-- had come for one of its open steps. Null: the lease is good and nothing was recorded, since the run gave up waiting for
-- something that had come in time; it is to be executed again. One that is missing was cancelled, or leased anew, or its row is locked by
-- somebody else at this moment (resolve.sql tells which): nothing of it was recorded.
--
-- $1 session
-- runs:     $2 run, $3 epoch, $4 next (0 keep the lease, 1 completed, 2 failed, 4 park sleeping, 5 retrying, 7 waiting,
--           8 invoking; 6 hand back), $5 due, $6 output, $7 error, $35 how much mail it knew of, $46 remote state (null: as it was)
-- steps:    $8 run, $9 step, $44 name, $10 kind, $11 failed, $12 attempt, $13 output, $14 error, $15 due, $16 started, $17 ended
-- attempts: $18 run, $19 step, $20 attempt, $21 error, $22 retry at, $23 started, $24 ended
-- events:   $25 run, $26 event id, $27 name, $28 data, $29 user, $30 id, $31 ts (null: now)
-- tenants:  $32 of each step, $33 of each attempt, $34 of each event
-- open:     $36 run, $37 step, $45 name, $38 kind, $39 started, $40 due, $41 cascades, $42 spec, $43 tenant: steps that begin to wait
--
-- Fence: session and epoch must be the row's. Strict cancel: a committed event that is not applied yet refuses the run;
-- one that is being applied right now is still pending in this snapshot; one that has been applied took the row.
-- Locks: live rows ascending, SKIP LOCKED → open steps → waits (trigger) → logs. Measured and rejected: waiting for locked rows. A
-- user's transaction may hold a leased row after all (PostgreSQL keeps the lock of a row that a recheck drops), and one
-- row would hold up everybody's commits. Waiting without an order: 123 deadlocks in 5 s of 8 clients.
-- Indexes: live_pkey or live_session, waits_run, pending_pkey.
--
-- Every join is written so that only one plan is possible, since this plan is made once, with whatever statistics these
-- tables have then: LATERAL … FOR UPDATE cannot be turned around (as a join it was: live × asked, 43 ms instead of 0.7),
-- OFFSET 0 keeps a lookup nested, seq + 0 keeps the index over seq alone out of it (2.3 s for a batch when 20,000 keys
-- are pending), = ANY (ARRAY(…)) is one index scan, IN … IS TRUE a hashed subplan.
WITH asked AS MATERIALIZED (
    SELECT t.run_id, t.epoch, t.next, t.due_at, t.output, t.error, t.mail, t.remote_state
    FROM unnest($2::uuid[], $3::int[], $4::smallint[], $5::timestamptz[], $6::jsonb[], $7::jsonb[], $35::int[],
                $46::smallint[])
         AS t (run_id, epoch, next, due_at, output, error, mail, remote_state)
    ORDER BY t.run_id
), timed_out AS MATERIALIZED (
    SELECT s.run_id, s.step
    FROM unnest($8::uuid[], $9::text[], $10::smallint[], $11::bool[], $13::jsonb[], $14::jsonb[])
         AS s (run_id, step, kind, failed, output, error)
    WHERE s.kind IN (4, 6) AND NOT s.failed AND s.output = 'null' OR s.kind = 5 AND s.error ->> 'code' = 'invoke_timeout'
), held AS MATERIALIZED (
    SELECT l.run_id, l.tenant_id, l.function_id, l.started_at, l.deaths, a.next, a.due_at, a.output, a.error,
           a.remote_state,
           a.next IN (4, 5, 7, 8) AND l.mail > a.mail AS behind,
           -- It gave up waiting for what had come in time.
           (a.run_id IN (SELECT t.run_id FROM timed_out t)) IS TRUE AND (
               l.mail > a.mail
               OR EXISTS (SELECT FROM nightjar.open_steps o
                          WHERE o.run_id = a.run_id AND NOT o.searched
                            AND (o.run_id, o.step) IN (SELECT t.run_id, t.step FROM timed_out t) OFFSET 0)
               OR EXISTS (
                   SELECT FROM (SELECT w.tenant_id, w.key, w.since, w.policy_id FROM nightjar.waits w
                                WHERE w.run_id = a.run_id AND w.purpose = 2 OFFSET 0) w
                   WHERE EXISTS (SELECT FROM nightjar.pending p
                                 WHERE p.tenant_id = w.tenant_id AND p.key = w.key AND p.seq + 0 > w.since
                                   AND nightjar.wait_holds(a.run_id, w.policy_id, p.event_id, p.asked_at) OFFSET 0))
           ) AS outdated
    FROM asked a
    CROSS JOIN LATERAL (
        SELECT l.run_id, l.tenant_id, l.function_id, l.started_at, l.deaths, l.mail FROM nightjar.live l
        WHERE l.run_id = a.run_id AND l.session_id = $1 AND l.epoch = a.epoch AND l.state = 1
        FOR UPDATE SKIP LOCKED) l
    WHERE NOT EXISTS (
          SELECT FROM (SELECT w.tenant_id, w.key, w.since, w.policy_id FROM nightjar.waits w
                       WHERE w.run_id = a.run_id AND w.purpose = 1 OFFSET 0) w
          WHERE EXISTS (SELECT FROM nightjar.pending p
                        WHERE p.tenant_id = w.tenant_id AND p.key = w.key AND p.seq + 0 > w.since
                          AND nightjar.policy_holds(w.policy_id, a.run_id, p.event_id, p.asked_at) OFFSET 0))
      AND NOT EXISTS (SELECT FROM nightjar.pending p WHERE p.tenant_id = l.tenant_id AND p.key = a.run_id OFFSET 0)
), ok AS MATERIALIZED (
    SELECT h.* FROM held h WHERE NOT h.outdated
), recorded AS (
    INSERT INTO nightjar.steps (run_id, step, name, tenant_id, kind, failed, attempt, output, error, due_at, started_at, ended_at)
    SELECT s.run_id, s.step, s.name, s.tenant_id, s.kind, s.failed, s.attempt, s.output, s.error, s.due_at, s.started_at, s.ended_at
    FROM unnest($8::uuid[], $9::text[], $10::smallint[], $11::bool[], $12::smallint[], $13::jsonb[], $14::jsonb[],
                $15::timestamptz[], $16::timestamptz[], $17::timestamptz[], $32::int[], $44::text[])
         AS s (run_id, step, kind, failed, attempt, output, error, due_at, started_at, ended_at, tenant_id, name)
    WHERE (s.run_id IN (SELECT ok.run_id FROM ok)) IS TRUE
), closed AS (
    DELETE FROM nightjar.open_steps o
    WHERE o.run_id = ANY (ARRAY(SELECT s.run_id FROM unnest($8::uuid[], $10::smallint[]) AS s (run_id, kind)
                                WHERE s.kind IN (4, 5, 6) AND (s.run_id IN (SELECT ok.run_id FROM ok)) IS TRUE))
      AND (o.run_id, o.step) IN (SELECT s.run_id, s.step FROM unnest($8::uuid[], $9::text[], $10::smallint[]) AS s (run_id, step, kind)
                                 WHERE s.kind IN (4, 5, 6))
), opened AS (
    -- ON CONFLICT: when the answer to this commit is lost it is sent again.
    INSERT INTO nightjar.open_steps (run_id, step, name, kind, started_at, due_at, cascades, spec, tenant_id)
    SELECT o.run_id, o.step, o.name, o.kind, o.started_at, o.due_at, o.cascades, o.spec, o.tenant_id
    FROM unnest($36::uuid[], $37::text[], $38::smallint[], $39::timestamptz[], $40::timestamptz[], $41::bool[], $42::jsonb[], $43::int[], $45::text[])
         AS o (run_id, step, kind, started_at, due_at, cascades, spec, tenant_id, name)
    WHERE (o.run_id IN (SELECT ok.run_id FROM ok WHERE ok.next NOT IN (1, 2))) IS TRUE
    ON CONFLICT (run_id, step) DO NOTHING
), tried AS (
    INSERT INTO nightjar.attempts (run_id, step, attempt, tenant_id, error, retry_at, started_at, ended_at)
    SELECT t.run_id, t.step, t.attempt, t.tenant_id, t.error, t.retry_at, t.started_at, t.ended_at
    FROM unnest($18::uuid[], $19::text[], $20::smallint[], $21::jsonb[], $22::timestamptz[], $23::timestamptz[],
                $24::timestamptz[], $33::int[])
         AS t (run_id, step, attempt, error, retry_at, started_at, ended_at, tenant_id)
    WHERE (t.run_id IN (SELECT ok.run_id FROM ok)) IS TRUE
), sent AS (
    INSERT INTO nightjar.events (event_id, tenant_id, name, data, "user", id, ts)
    SELECT e.event_id, e.tenant_id, e.name, e.data, e."user", e.id, coalesce(e.ts, clock_timestamp())
    FROM unnest($25::uuid[], $26::uuid[], $27::text[], $28::jsonb[], $29::jsonb[], $30::text[], $31::timestamptz[], $34::int[])
         WITH ORDINALITY AS e (run_id, event_id, name, data, "user", id, ts, tenant_id, position)
    WHERE (e.run_id IN (SELECT ok.run_id FROM ok)) IS TRUE
    ORDER BY e.position
), gone AS (
    DELETE FROM nightjar.live l WHERE l.run_id = ANY (ARRAY(SELECT ok.run_id FROM ok WHERE ok.next IN (1, 2)))
), ended AS (
    INSERT INTO nightjar.outcomes (run_id, tenant_id, function_id, status, started_at, output, error)
    SELECT ok.run_id, ok.tenant_id, ok.function_id, ok.next, ok.started_at, ok.output, ok.error
    FROM ok WHERE ok.next IN (1, 2)
), forgiven AS (
    -- Whoever gets on is no run that its workers die of.
    UPDATE nightjar.live l SET deaths = 0
    WHERE l.run_id = ANY (ARRAY(SELECT ok.run_id FROM ok WHERE ok.next = 0 AND ok.deaths > 0))
), parked AS (
    UPDATE nightjar.live l
    SET state = CASE WHEN ok.behind THEN 0 WHEN ok.next = 4 THEN 2 WHEN ok.next = 5 THEN 3 WHEN ok.next = 7 THEN 5
                     WHEN ok.next = 8 THEN 6 ELSE 0 END,
        due_at = CASE WHEN ok.next IN (4, 5, 7, 8) AND NOT ok.behind THEN ok.due_at END,
        session_id = NULL, remote_state = coalesce(ok.remote_state, l.remote_state), deaths = CASE WHEN ok.next = 6 THEN l.deaths ELSE 0 END,
        -- One that needs slots gives them back, and waits for them again: see nightjar.grant_slots.
        queue = CASE WHEN l.slots IS NULL OR ok.next = 6 THEN l.queue ELSE l.queue + sign(l.queue)::int * 1073741824 END
    FROM ok
    WHERE l.run_id = ANY (ARRAY(SELECT ok.run_id FROM ok WHERE ok.next IN (4, 5, 6, 7, 8))) AND l.run_id = ok.run_id
      AND ok.next IN (4, 5, 6, 7, 8)
)
SELECT h.run_id, CASE WHEN NOT h.outdated THEN h.behind END FROM held h
