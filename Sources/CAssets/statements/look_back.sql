-- Answers steps that began to wait with what had been sent before: see nightjar.look_back in migration 0008.
-- $1 how many steps
SELECT run_id, session_id, stayed FROM nightjar.look_back($1)
