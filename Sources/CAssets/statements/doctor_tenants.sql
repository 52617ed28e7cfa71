-- Tenants whose suspension, resumption or deletion somebody began a while ago and did not end; tables without row-level security,
-- and views that ask with the rights of their owner.
-- $1 for how many seconds one may be under way
-- Locks: none. Small tables.
SELECT t.name, CASE t.state WHEN 1 THEN 'resume' WHEN 2 THEN 'suspend' ELSE 'delete' END AS command, NULL AS open
FROM nightjar.tenants t
WHERE (t.moved_since IS NOT NULL OR t.state = 3) AND t.changed_at < clock_timestamp() - $1::float8 * interval '1 s'
UNION ALL
SELECT NULL, NULL, c.oid::regclass::text FROM pg_class c
WHERE c.relnamespace = 'nightjar'::regnamespace AND NOT c.relispartition AND c.relname <> 'migrations'
  AND c.relacl IS NOT NULL      -- else only the owner reads it
  AND (c.relkind IN ('r', 'p') AND NOT c.relrowsecurity
       OR c.relkind = 'v' AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false))
