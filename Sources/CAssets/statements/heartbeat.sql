-- Says that a session lives. No row back: it was marked dead, and its runs are being handed to others.
-- $1 session
-- Locks: its row. Index: sessions_pkey; the row is updated in place (HOT), 120 B of WAL however many runs it leases.
-- Measured and rejected: a deadline on each leased run, 126–247 B of WAL a run and beat.
UPDATE nightjar.sessions SET seen_at = clock_timestamp() WHERE session_id = $1 AND NOT dead RETURNING clock_timestamp()
