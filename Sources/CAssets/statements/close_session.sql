-- Takes a session back that leases nothing any more; one that still does is left to the reaper.
-- $1 session
-- Locks: its row. Indexes: sessions_pkey, live_session.
WITH gone AS (
    DELETE FROM nightjar.sessions s
    WHERE s.session_id = $1
      AND NOT EXISTS (SELECT FROM nightjar.live l WHERE l.session_id = s.session_id AND l.state = 1)
    RETURNING 1
)
UPDATE nightjar.sessions SET dead = true WHERE session_id = $1 AND NOT EXISTS (SELECT FROM gone)
