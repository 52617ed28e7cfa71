-- The unfinished runs that an event would cancel if it were sent now: see nightjar.preview in migration 0012.
-- $1 name, $2 data, $3 id, $4 ts (null: now), $5 user, $6 how many
SELECT run_id, app, function, status, policy_id, policy FROM nightjar.preview($1, $2, $3, $4, $5, $6)
