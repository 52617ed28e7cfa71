-- How many runs of each app and tenant could be executed now, and for how long the oldest of them could: for /metrics.
-- $1 how many rows are counted for an app and source at most; with many apps fewer, so that it is 8 × $1 in all.
-- `source`: 1 its time has come, 2 new, 3 ready again, 4 it waits for a slot or for its key to have room (see nightjar.grant_slots). `age` in seconds; null where nothing tells it.
-- Locks: none. Indexes: live_due, live_ready, live_back, each from its right end, where few rows are dead; only the one
-- oldest run is looked for from the left. Where an old snapshot keeps many dead rows there, the reader's
-- statement_timeout ends it. So for an app whose count is at its limit only the oldest age of all is exact.
WITH known AS MATERIALIZED (
    SELECT a.app_id, a.name FROM nightjar.apps a ORDER BY a.app_id DESC LIMIT 1000
), bound AS MATERIALIZED (
    SELECT greatest(100, least($1::bigint, 8 * $1::bigint / greatest(count(*), 1))) AS rows FROM known
)
SELECT k.name AS app, q.tenant_id, q.source, sum(q.depth)::bigint AS depth, max(q.age)::float8 AS age
FROM known k CROSS JOIN LATERAL (
    SELECT d.tenant_id, 1 AS source, count(*) AS depth, extract(epoch FROM now() - min(d.due_at)) AS age
    FROM (SELECT l.tenant_id, l.due_at FROM nightjar.live l WHERE l.queue = k.app_id AND l.due_at <= now()
          ORDER BY l.due_at DESC LIMIT (SELECT b.rows FROM bound b)) d GROUP BY d.tenant_id
    UNION ALL
    SELECT r.tenant_id, 2, count(*), extract(epoch FROM now() - min(nightjar.uuid7_time(r.run_id)))
    FROM (SELECT l.tenant_id, l.run_id FROM nightjar.live l WHERE l.queue = k.app_id AND l.state = 0 AND l.epoch = 0
          ORDER BY l.pass DESC LIMIT (SELECT b.rows FROM bound b)) r GROUP BY r.tenant_id
    UNION ALL
    SELECT r.tenant_id, 3, count(*), NULL
    FROM (SELECT l.tenant_id FROM nightjar.live l WHERE l.queue = k.app_id AND l.state = 0 AND l.epoch > 0
          ORDER BY l.pass DESC LIMIT (SELECT b.rows FROM bound b)) r GROUP BY r.tenant_id
    UNION ALL
    SELECT r.tenant_id, 4, count(*), NULL
    FROM ((SELECT l.tenant_id FROM nightjar.live l WHERE l.queue = k.app_id + 1610612736 AND l.blocked_on IS NOT NULL
           ORDER BY l.blocked_on DESC LIMIT (SELECT b.rows FROM bound b))
          UNION ALL
          (SELECT l.tenant_id FROM nightjar.live l WHERE l.queue = k.app_id + 1073741824 AND l.state = 0 AND l.epoch = 0
           ORDER BY l.pass DESC LIMIT (SELECT b.rows FROM bound b))
          UNION ALL
          (SELECT l.tenant_id FROM nightjar.live l WHERE l.queue = k.app_id + 1073741824 AND l.state = 0 AND l.epoch > 0
           ORDER BY l.pass DESC LIMIT (SELECT b.rows FROM bound b))
          UNION ALL
          (SELECT l.tenant_id FROM nightjar.live l WHERE l.queue = k.app_id + 1073741824 AND l.due_at <= now()
           ORDER BY l.due_at DESC LIMIT (SELECT b.rows FROM bound b))) r GROUP BY r.tenant_id
    UNION ALL
    (SELECT l.tenant_id, 1, 0, extract(epoch FROM now() - l.due_at) FROM nightjar.live l
     WHERE l.queue = k.app_id AND l.due_at <= now() ORDER BY l.due_at LIMIT 1)
    UNION ALL
    (SELECT l.tenant_id, 2, 0, extract(epoch FROM now() - nightjar.uuid7_time(l.run_id)) FROM nightjar.live l
     WHERE l.queue = k.app_id AND l.state = 0 AND l.epoch = 0 ORDER BY l.pass LIMIT 1)
) q
GROUP BY k.name, q.tenant_id, q.source
