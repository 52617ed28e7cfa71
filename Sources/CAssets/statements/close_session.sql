-- Ends a session: it leases nothing any more, and what it still leases goes to others at once. The row stays for an hour
-- (forget_sessions.sql): a claim whose connection was lost may still be executing, and the reaper finds by this row what it takes.
-- $1 session
-- Locks: its row. Index: sessions_pkey.
UPDATE nightjar.sessions SET dead = true WHERE session_id = $1
