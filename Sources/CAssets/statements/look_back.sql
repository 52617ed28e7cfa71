-- Answers steps that began to wait with what had been sent before: see nightjar.look_back in migration 0008.
-- $1 how many steps, after $2 run and $3 step
SELECT run_id, session_id, reached_run, reached_step, stayed FROM nightjar.look_back($1, $2, $3)
