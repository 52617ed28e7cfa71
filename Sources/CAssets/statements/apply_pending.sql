-- Applies committed cancels: see nightjar.apply_pending in migration 0002.
-- $1 how many pending rows, $2 how many runs each, $3 after which sequence number
SELECT run_id, session_id, reached, stayed FROM nightjar.apply_pending($1, $2, $3)
