-- Carries a bulk cancel one chunk further: see nightjar.bulk_advance in migration 0012.
-- $1 how many runs to look at, $2 which request (null: any)
SELECT run_id, session_id, request, state, examined, cancelled, requested FROM nightjar.bulk_advance($1, $2)
