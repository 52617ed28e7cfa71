-- Opens a session: the identity under which a worker process leases runs.
-- $1 session, $2 name, $3 queue, $4 time to live
-- Locks: none. Index: sessions_pkey.
INSERT INTO nightjar.sessions (session_id, name, queue, ttl) VALUES ($1, $2, $3, $4)
