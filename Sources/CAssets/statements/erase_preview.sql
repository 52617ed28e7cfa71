-- What such a request would erase: see nightjar.erase_preview in migration 0023.
-- $1 event, $2 path, $3 value, $4 before
SELECT events, runs, live_runs, first_at, last_at, answered, unreached, untold
FROM nightjar.erase_preview(event => $1, path => $2, value => $3, before => $4)
