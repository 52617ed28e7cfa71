-- The runs that a session still leases: what it executes besides was cancelled, and the hint was lost.
-- $1 session
-- Locks: none. Index: live_session.
SELECT run_id, epoch FROM nightjar.live WHERE session_id = $1 AND state = 1
