-- Applies committed events to the runs that wait for them: see nightjar.apply_pending in migration 0009.
-- $1 how many pending rows, $2 how many waits of each, $3 after which sequence number
SELECT run_id, session_id, cancelled, reached, more, stayed FROM nightjar.apply_pending($1, $2, $3)
