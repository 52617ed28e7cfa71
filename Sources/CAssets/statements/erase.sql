-- Asks for the erasure of events with all that they started: see nightjar.erase in migration 0023.
-- $1 event, $2 path, $3 value, $4 before (of which one is given, $2 and $3 together), $5 whether unfinished runs are cancelled,
-- $6 actor, $7 reason
SELECT nightjar.erase(event => $1, path => $2, value => $3, before => $4, cancel => $5, actor => $6, reason => $7)
