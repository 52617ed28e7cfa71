-- Answers the step that waits for a signal: see nightjar.send_signal in migration 0008. Its run; null: nobody waits.
-- $1 signal, $2 data
SELECT nightjar.send_signal($1, $2)
