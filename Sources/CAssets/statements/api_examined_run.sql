-- The last of the runs that a search has examined; no row when it has examined all. Of another tenant's it tells the time alone:
-- the search goes on from the highest id of that moment.
-- $1 before this run, $2 from this run on, $3 how many it has examined, $4 whether only unfinished ones
-- Locks: none. Indexes: runs_pkey or live_pkey, backwards.
SELECT CASE WHEN r.tenant_id = nightjar.current_tenant() THEN r.run_id
            ELSE (left(r.run_id::text, 18) || '-ffff-ffffffffffff')::uuid END AS run_id
FROM ((SELECT r.run_id, r.tenant_id FROM nightjar.runs r
       WHERE NOT $4 AND r.run_id < $1 AND r.run_id >= $2 ORDER BY r.run_id DESC OFFSET $3 - 1 LIMIT 1)
      UNION ALL
      (SELECT l.run_id, l.tenant_id FROM nightjar.live l
       WHERE $4 AND l.run_id < $1 AND l.run_id >= $2 ORDER BY l.run_id DESC OFFSET $3 - 1 LIMIT 1)) r
