-- Sends an event that replaces what earlier ones with the same key have started: see nightjar.reschedule in migration 0012.
-- $1 name, $2 data, $3 id, $4 ts (null: now), $5 user
SELECT event_id, run_id FROM nightjar.reschedule($1, $2, $3, $4, $5)
