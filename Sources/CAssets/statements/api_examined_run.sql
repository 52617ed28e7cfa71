-- The last of the runs that a search has examined; no row when it has examined all.
-- $1 before this run, $2 from this run on, $3 how many it has examined, $4 whether only unfinished ones
-- Locks: none. Indexes: runs_pkey or live_pkey, backwards.
(SELECT r.run_id FROM nightjar.runs r WHERE NOT $4 AND r.run_id < $1 AND r.run_id >= $2 ORDER BY r.run_id DESC OFFSET $3 - 1 LIMIT 1)
UNION ALL
(SELECT l.run_id FROM nightjar.live l WHERE $4 AND l.run_id < $1 AND l.run_id >= $2 ORDER BY l.run_id DESC OFFSET $3 - 1 LIMIT 1)
