-- Leases up to $3 runs of a queue to a session: runs that are due first, then those that came back, then new ones in `pass` order.
-- $1 queue, $2 session, $3 how many, $4 low-watermark of `pass` for the new ones, $5 the functions that the caller has,
-- $6 those of them whose runs have to finish in time, $7 in how much time, $8 how long overdue the due ones are at most (null: any)
-- $9 whether to tell when the next run is due, in a row of its own, if there was room for all: a look for it cost as much again
-- $10 runs that this transaction has locked, due ones or such as came back: they come first; $11 how many new ones it has locked, for which
-- there is to be room. Both by deal.sql: none, as a rule.
--
-- A run that a committed event cancels, or one of whose steps it answers, is not leased (docs/invariants.md, "Strict cancel"): it comes back without an
-- epoch, for the caller to apply what is pending and ask again. Two places are looked up, both by the run's waits:
-- `pending`, since an event counts from its commit; and, at a run's first claim, the log of match keys, since an event
-- that was probed before the run's own commit could not see it ("No lost cancel"); for newcomers workers search it. What only the log knows goes back
-- into `pending`, so that one routine applies every cancel.
--
-- A run whose time is up is left to nightjar.expire.
--
-- Locks: the session (KEY SHARE), live rows (SKIP LOCKED), pending rows in key order. Indexes: live_due, live_back, live_ready, waits_run, pending_pkey, match_log_key, events_pkey.
-- MATERIALIZED is not decoration: without it the planner may run the LIMIT inside a nested loop, and lease more.
-- The watermarks $4 and $8 keep the claim flat while an old snapshot holds dead rows at the indexes' left ends (752 → 16 buffers).
-- Functions are filtered beside the index: an app's workers have the same ones but for the minutes of a rollout.
-- OFFSET 0 and seq + 0 leave only the nested lookups by key: planned while `pending` was empty, the join took 38 s
-- when 20,000 keys were pending.
-- = ANY (ARRAY(…)) instead of a join with `candidate`: with young statistics the planner would scan `live` for it.
-- LATERAL … LIMIT 1 instead of = ANY: with a generic plan only the former prunes the log's partitions.
WITH me AS MATERIALIZED (
    -- A session that is dead or gone leases nothing. KEY SHARE: it cannot be forgotten while this claim takes something.
    SELECT FROM nightjar.sessions s WHERE s.session_id = $2 AND NOT s.dead FOR KEY SHARE
), dealt AS MATERIALIZED (
    SELECT l.run_id, l.tenant_id, l.epoch, l.event_id, l.newcomer, l.due_at IS NOT NULL AS is_due
    FROM nightjar.live l WHERE l.run_id = ANY ($10) AND EXISTS (SELECT FROM me)
), due AS MATERIALIZED (
    SELECT l.run_id, l.tenant_id, l.epoch, l.event_id, l.newcomer
    FROM nightjar.live l WHERE l.queue = $1 AND l.due_at <= now() AND l.due_at >= coalesce(now() - $8::interval, '-infinity') AND l.function_id = ANY ($5) AND EXISTS (SELECT FROM me)
      AND (l.expires_at > now()) IS NOT FALSE AND l.run_id <> ALL ($10)
    ORDER BY l.due_at, l.run_id LIMIT (SELECT greatest($3::int - $11::int - count(*), 0) FROM dealt) FOR UPDATE SKIP LOCKED
), back AS MATERIALIZED (
    SELECT l.run_id, l.tenant_id, l.epoch, l.event_id, l.newcomer
    FROM nightjar.live l WHERE l.queue = $1 AND l.state = 0 AND l.epoch > 0 AND l.function_id = ANY ($5) AND EXISTS (SELECT FROM me)
      AND (l.expires_at > now()) IS NOT FALSE AND l.run_id <> ALL ($10)
    ORDER BY l.pass, l.run_id LIMIT (SELECT greatest($3::int - $11::int - (SELECT count(*) FROM dealt) - count(*), 0) FROM due) FOR UPDATE SKIP LOCKED
), ready AS MATERIALIZED (
    SELECT l.run_id, l.tenant_id, l.epoch, l.event_id, l.newcomer
    FROM nightjar.live l WHERE l.queue = $1 AND l.state = 0 AND l.epoch = 0 AND l.pass >= $4 AND l.function_id = ANY ($5)
      AND EXISTS (SELECT FROM me) AND (l.expires_at > now()) IS NOT FALSE
    ORDER BY l.pass, l.run_id LIMIT (SELECT greatest($3 - (SELECT count(*) FROM dealt) - (SELECT count(*) FROM due) - count(*), 0) FROM back) FOR UPDATE SKIP LOCKED
), candidate AS MATERIALIZED (
    SELECT * FROM dealt UNION ALL SELECT *, true FROM due UNION ALL SELECT *, false FROM back UNION ALL SELECT *, false FROM ready
), oldest AS MATERIALIZED (
    -- From where on the log is read: one bound for all runs of the claim. One for each was a call of a function in SQL for each
    -- run and partition.
    SELECT nightjar.uuid7_floor(nightjar.uuid7_time(c.run_id) - interval '1 hour') AS log_id
    FROM candidate c WHERE c.epoch = 0 AND NOT c.newcomer ORDER BY c.run_id LIMIT 1
), hit AS MATERIALIZED (
    SELECT c.run_id, CASE WHEN c.is_due THEN 1 WHEN c.epoch = 0 THEN 2 ELSE 3 END AS source, h.*
    FROM candidate c CROSS JOIN LATERAL (
        SELECT w.tenant_id, w.key, p.seq, NULL::uuid AS logged, NULL::uuid AS log_id
        FROM (SELECT w.tenant_id, w.key, w.since, w.policy_id, w.purpose FROM nightjar.waits w
              WHERE w.run_id = c.run_id OFFSET 0) w
        CROSS JOIN LATERAL (SELECT p.seq FROM nightjar.pending p
                            WHERE p.tenant_id = w.tenant_id AND p.key = w.key AND p.seq + 0 > w.since
                              AND CASE w.purpose WHEN 1 THEN nightjar.policy_holds(w.policy_id, c.run_id, p.event_id, p.asked_at)
                                  ELSE nightjar.wait_holds(c.run_id, w.policy_id, p.event_id, p.asked_at) END OFFSET 0) p
        UNION ALL
        SELECT p.tenant_id, p.key, p.seq, NULL, NULL FROM nightjar.pending p WHERE p.tenant_id = c.tenant_id AND p.key = c.run_id
        UNION ALL
        -- A step that is about to time out, and nobody has looked whether its event was there before. Once: else a
        -- transaction that stays open would keep it from timing out, and runs like it the others from being claimed.
        SELECT o.tenant_id, o.run_id, 0, NULL, NULL FROM nightjar.open_steps o
        WHERE c.epoch > 0 AND o.run_id = c.run_id AND NOT o.searched AND o.due_at <= now()
        UNION ALL
        SELECT c.tenant_id, c.run_id, 0, NULL, NULL FROM nightjar.newcomers n WHERE c.newcomer AND n.run_id = c.run_id
        UNION ALL
        SELECT w.tenant_id, w.key, m.seq, m.event_id, m.log_id
        FROM (SELECT w.tenant_id, w.key, w.since, w.policy_id FROM nightjar.waits w
              WHERE w.run_id = c.run_id AND w.purpose = 1 OFFSET 0) w
        -- Both ids are made by the server. They follow the sequence numbers but for the duration of a statement.
        CROSS JOIN LATERAL (SELECT m.seq, m.event_id, m.log_id FROM nightjar.match_log m
                            WHERE m.tenant_id = w.tenant_id AND m.key = w.key AND m.seq > w.since
                              AND m.log_id >= (SELECT o.log_id FROM oldest o)
                              AND m.log_id < nightjar.uuid7_floor(now() + interval '1 hour') OFFSET 0) m
        WHERE c.epoch = 0 AND NOT c.newcomer
          AND nightjar.policy_holds(w.policy_id, c.run_id, m.event_id, nightjar.uuid7_time(m.log_id))
        LIMIT 1
    ) h
), again AS (
    INSERT INTO nightjar.pending (tenant_id, key, seq, event_id, asked_at)
    SELECT DISTINCT ON (h.tenant_id, h.key, h.seq) h.tenant_id, h.key, h.seq, h.logged, nightjar.uuid7_time(h.log_id)
    FROM hit h WHERE h.logged IS NOT NULL
    ORDER BY h.tenant_id, h.key, h.seq
    ON CONFLICT DO NOTHING
), leased AS (
    UPDATE nightjar.live l
    SET state = 1, session_id = $2, epoch = l.epoch + 1, due_at = NULL, started_at = coalesce(l.started_at, now()),
        -- The limit for the start has been kept; from here on the one for the whole run counts.
        expires_at = CASE WHEN l.epoch > 0 THEN l.expires_at
                          ELSE now() + (SELECT t.within FROM unnest($6::int[], $7::interval[]) AS t (function_id, within)
                                        WHERE t.function_id = l.function_id LIMIT 1) END
    WHERE l.run_id = ANY (ARRAY(SELECT c.run_id FROM candidate c WHERE NOT EXISTS (SELECT FROM hit h WHERE h.run_id = c.run_id)))
    RETURNING l.run_id, l.epoch, l.tenant_id, l.function_id, l.pass, l.started_at, l.event_id, l.mail, l.expires_at, l.origin, l.remote_state, l.batched, l.slots
)
SELECT l.run_id, l.epoch, l.tenant_id, l.function_id, l.pass, l.started_at, clock_timestamp() AS now,
       coalesce(e.id, e.event_id::text) AS event_id, e.name, e.data, e."user", e.ts, l.mail, l.expires_at, l.origin, l.remote_state, l.batched,
       CASE WHEN l.run_id IN (SELECT c.run_id FROM candidate c WHERE c.is_due) THEN 1 WHEN l.epoch = 1 THEN 2 ELSE 3 END AS source, NULL::interval AS due_in, l.slots IS NOT NULL AS limited
FROM leased l
LEFT JOIN LATERAL (SELECT e.* FROM nightjar.events e WHERE e.event_id = l.event_id LIMIT 1) e ON true
UNION ALL
SELECT h.run_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
       h.source, NULL, NULL FROM hit h
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, NULL, clock_timestamp(), NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0,
       (SELECT l.due_at FROM nightjar.live l WHERE l.queue = $1 AND l.due_at > now() AND l.function_id = ANY ($5)
        ORDER BY l.due_at LIMIT 1) - clock_timestamp(), NULL
WHERE $9 AND (SELECT count(*) FROM candidate) < $3
