-- Deals what is due in an app of all tenants, and what came back, out among them, for the claim that follows in this transaction; when
-- there is more of it than a claim takes. New runs get half of the claim, if there are as many; of the rest each tenant that has
-- something gets its part by its weight. What it has no use for is left to the claim.
-- $1 to $5 as in claim.sql: queue, session, how many, low-watermark of `pass`, functions; $6 as $8 there: how long overdue at most
-- $7 the tenant where the last one stopped
-- Answers the runs, how many new ones there is to be room for, and where it has stopped.
--
-- It looks at 500 tenants at most, some 2 ms, and goes on from there the next time. Parts are whole numbers, amount to the room there
-- is, and are as the weights on the average: systematic sampling, from a place that is drawn by lot.
--
-- Locks: the session (KEY SHARE), live rows (SKIP LOCKED). Indexes: tenants_pkey, live_ready, live_shared_due, live_shared_back: each of the
-- two by a condition that no other index has, since the planner would take live_due or live_back for as good, and read it through
-- for each tenant (1 s, with 60,000 that came back). OFFSET 0, or what all tenants have would be hashed for one.
-- Rejected: comparing rows, (tenant_id, queue, due_at) <= (…), which reads on to the tenant's end: 50 to 90 ms beside a million sleepers.
WITH me AS MATERIALIZED (
    SELECT FROM nightjar.sessions s WHERE s.session_id = $2 AND NOT s.dead FOR KEY SHARE
), waiting AS MATERIALIZED (
    -- With room for one, every other time.
    SELECT count(*) AS runs
    FROM (SELECT l.run_id
          FROM nightjar.live l WHERE l.queue = $1 AND l.state = 0 AND l.epoch = 0 AND l.pass >= $4 AND l.function_id = ANY ($5)
            AND EXISTS (SELECT FROM me) AND (l.expires_at > now()) IS NOT FALSE
          ORDER BY l.pass, l.run_id LIMIT floor($3 / 2.0 + random()) FOR UPDATE SKIP LOCKED) l
), round AS MATERIALIZED (
    SELECT t.tenant_id, t.weight
    FROM (SELECT * FROM (SELECT t.tenant_id, t.weight FROM nightjar.tenants t WHERE t.tenant_id > $7 AND t.state < 4 ORDER BY t.tenant_id LIMIT 500) t
          UNION ALL
          SELECT * FROM (SELECT t.tenant_id, t.weight FROM nightjar.tenants t WHERE t.tenant_id <= $7 AND t.state < 4 ORDER BY t.tenant_id LIMIT 500) t
          LIMIT 500) t
), turns AS MATERIALIZED (
    SELECT t.tenant_id, floor(r.place + r.room * t.upto / t.weights) - floor(r.place + r.room * (t.upto - t.weight) / t.weights) AS part
    FROM (
        SELECT t.tenant_id, t.weight::float8, sum(t.weight::float8) OVER (ORDER BY t.tenant_id) AS upto, sum(t.weight::float8) OVER () AS weights
        FROM round t
        WHERE EXISTS (SELECT FROM nightjar.live l WHERE l.shared::int = 1 AND l.tenant_id = t.tenant_id AND l.queue + 0 = $1
                      AND l.due_at >= coalesce(now() - $6::interval, '-infinity') AND l.due_at <= now() OFFSET 0)
           OR EXISTS (SELECT FROM nightjar.live l WHERE l.shared AND l.state = 0 AND l.epoch + 0 > 0 AND l.tenant_id = t.tenant_id AND l.queue = $1 OFFSET 0)
    ) t CROSS JOIN (SELECT random() AS place, $3 - w.runs AS room FROM waiting w OFFSET 0) r
), dealt AS MATERIALIZED (
    SELECT l.run_id
    FROM turns t CROSS JOIN LATERAL (
        SELECT * FROM (
            SELECT l.run_id
            FROM nightjar.live l WHERE l.shared::int = 1 AND l.tenant_id = t.tenant_id AND l.queue + 0 = $1
              AND l.due_at >= coalesce(now() - $6::interval, '-infinity') AND l.due_at <= now()
              AND l.function_id = ANY ($5) AND EXISTS (SELECT FROM me) AND (l.expires_at > now()) IS NOT FALSE
            ORDER BY l.due_at LIMIT t.part FOR UPDATE SKIP LOCKED) due
        UNION ALL
        SELECT * FROM (
            SELECT l.run_id
            FROM nightjar.live l WHERE l.shared AND l.state = 0 AND l.epoch + 0 > 0 AND l.tenant_id = t.tenant_id AND l.queue = $1
              AND l.function_id = ANY ($5) AND EXISTS (SELECT FROM me) AND (l.expires_at > now()) IS NOT FALSE
            ORDER BY l.pass LIMIT t.part FOR UPDATE SKIP LOCKED) back
        LIMIT t.part) l
)
SELECT ARRAY(SELECT d.run_id FROM dealt d), (SELECT w.runs FROM waiting w)::int,
       -- In the order of the round: the last one behind where it began, unless there was none.
       coalesce((SELECT max(r.tenant_id) FROM round r WHERE r.tenant_id <= $7 AND (SELECT count(*) FROM round) = 500),
                (SELECT max(r.tenant_id) FROM round r WHERE r.tenant_id > $7), 0)
