-- What there is to do, in one look: the idle worker's poll, behind every hint that could be lost.
-- $1 queue, $2 session: also what it leases. $3 the functions that the caller has. What it executes besides was
-- cancelled and the hint was lost; what it leases and does not know of came with an answer that was lost; what has more
-- mail than it knows of was answered and the hint was lost.
-- $5 from which `pass` on it asks for new runs, $6 how long overdue due ones are at most (null: all, and whether there are
-- new ones below $5): see claim.sql. $7 of which leases it asks (null: all of the session's, which reads the dead rows of
-- former ones too).
-- $4 the session again when it beats with this look (see heartbeat.sql), else null.
-- Locks: the session that beats. Indexes: sessions_pkey, live_ready, live_back, live_due, live_expires, live_blocked, pending_seq, open_steps_unlooked,
-- functions_binding, tenants_binding, bulk_cancels_running, live_session; sessions is a few rows.
-- ORDER BY … LIMIT 1, not min(), which could be planned as a scan of the whole index.
WITH beat AS (
    UPDATE nightjar.sessions SET seen_at = clock_timestamp() WHERE session_id = $4 AND NOT dead RETURNING session_id
), held AS MATERIALIZED (
    SELECT l.run_id, l.epoch, l.mail FROM nightjar.live l WHERE $7::uuid[] IS NULL AND l.session_id = $2 AND l.state = 1
    UNION ALL
    SELECT l.run_id, l.epoch, l.mail FROM nightjar.live l WHERE l.run_id = ANY ($7) AND l.session_id = $2 AND l.state = 1
)
SELECT EXISTS (SELECT FROM nightjar.live l
               WHERE l.queue = $1 AND l.state = 0 AND l.epoch = 0 AND l.pass >= $5 AND l.function_id = ANY ($3))
           OR EXISTS (SELECT FROM nightjar.live l
                      WHERE l.queue = $1 AND l.state = 0 AND l.epoch > 0 AND l.function_id = ANY ($3)) AS ready,
       EXISTS (SELECT FROM nightjar.pending) OR EXISTS (SELECT FROM nightjar.open_steps o WHERE NOT o.looked)
           OR EXISTS (SELECT FROM nightjar.newcomers)
           OR EXISTS (SELECT FROM nightjar.bulk_cancels b WHERE b.state = 1) AS pending,
       EXISTS (SELECT FROM nightjar.sessions s
               WHERE NOT s.dead AND s.seen_at + s.ttl < clock_timestamp()
                  OR s.dead AND EXISTS (SELECT FROM nightjar.live l WHERE l.session_id = s.session_id AND l.state = 1 OFFSET 0)) AS dead,
       (SELECT l.due_at FROM nightjar.live l WHERE l.queue = $1 AND l.due_at >= coalesce(now() - $6::interval, '-infinity') AND l.function_id = ANY ($3)
        ORDER BY l.due_at LIMIT 1) - clock_timestamp() AS due_in,
       (SELECT array_agg(h.run_id ORDER BY h.run_id) FROM held h) AS runs,
       (SELECT array_agg(h.epoch ORDER BY h.run_id) FROM held h) AS epochs,
       (SELECT array_agg(h.mail ORDER BY h.run_id) FROM held h) AS mail,
       (SELECT l.expires_at FROM nightjar.live l WHERE l.expires_at IS NOT NULL ORDER BY l.expires_at LIMIT 1) - clock_timestamp() AS expires_in,
       -- Somebody listens to the ends of runs in general: then each end may start others, or answer them.
       nightjar.ends_heard($1) AS heard,
       -- Interrupted here a while ago, and not known to have ended.
       (SELECT array_agg(i.run_id) FROM nightjar.interruptions i
        WHERE i.session_id = $2 AND i.ended_at IS NULL AND i.at < clock_timestamp() - interval '2 s') AS interrupted,
       EXISTS (SELECT FROM nightjar.gathered) AS gathered,
       EXISTS (SELECT FROM beat) AS beaten,
       $6::interval IS NULL AND EXISTS (SELECT FROM nightjar.live l
               WHERE l.queue = $1 AND l.state = 0 AND l.epoch = 0 AND l.pass < $5 AND l.function_id = ANY ($3)) AS below,
       -- Runs wait for slots: see nightjar.grant_slots.
       EXISTS (SELECT FROM nightjar.live l WHERE l.queue = $1 + 1073741824 AND l.state = 0 AND l.epoch = 0)
           OR EXISTS (SELECT FROM nightjar.live l WHERE l.queue = $1 + 1073741824 AND l.state = 0 AND l.epoch > 0)
           OR EXISTS (SELECT FROM nightjar.live l WHERE l.queue = $1 + 1073741824 AND l.due_at IS NOT NULL)
           OR EXISTS (SELECT FROM nightjar.live l WHERE l.queue = $1 + 1610612736 AND l.blocked_on IS NOT NULL) AS limited,
       -- A first limit was set, and runs of before may not be bound by it: see nightjar.bind_runs.
       EXISTS (SELECT FROM nightjar.functions f WHERE f.binds_since IS NOT NULL)
           OR EXISTS (SELECT FROM nightjar.tenants t WHERE t.binds_since IS NOT NULL) AS unbound
