-- The runs that repeat a run, the oldest first. They have its event.
-- $1 run, $2 its event
-- Locks: none. Index: runs_event.
SELECT r.run_id FROM nightjar.runs r WHERE r.event_id = $2 AND r.rerun_of = $1 ORDER BY r.run_id
