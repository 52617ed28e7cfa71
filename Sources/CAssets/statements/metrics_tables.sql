-- Live and dead rows of the tables that change all the time, as the statistics estimate them: for /metrics.
-- Locks: none. Nothing of the tables themselves is read.
SELECT c.relname::text AS name, pg_stat_get_live_tuples(c.oid) AS live, pg_stat_get_dead_tuples(c.oid) AS dead
FROM unnest(ARRAY['live', 'waits', 'pending', 'open_steps', 'sessions', 'newcomers', 'idempotency', 'gathered',
                  'flow_counters', 'interruptions']) AS t (name)
JOIN pg_class c ON c.oid = to_regclass('nightjar.' || t.name)
