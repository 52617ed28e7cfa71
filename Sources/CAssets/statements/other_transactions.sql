-- The transactions of others in this database, each under a name that no other ever has. Autovacuum starts no runs.
-- Locks: none.
SELECT l.virtualxid FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'virtualxid' AND l.granted AND l.mode = 'ExclusiveLock' AND l.pid <> pg_backend_pid()
  AND a.usesysid IS NOT NULL AND a.datid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
UNION ALL
SELECT 'prepared ' || p.gid || ' ' || p.transaction::text FROM pg_prepared_xacts p WHERE p.database = current_database()
