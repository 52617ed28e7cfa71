-- Cancels runs whose time is up: see nightjar.expire in migration 0009.
-- $1 how many
SELECT run_id, session_id FROM nightjar.expire($1)
