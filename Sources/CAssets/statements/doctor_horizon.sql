-- Who keeps vacuum from removing dead rows: the oldest snapshots, prepared transactions and replication slots, the
-- oldest first. `held_for` is null where the server does not know.
-- Locks: none. Vacuum's own snapshots hold nothing back and are left out.
SELECT * FROM (
    SELECT 'backend' AS kind, a.pid, coalesce(a.usename, '') || coalesce(' (' || nullif(a.application_name, '') || ')', '') AS name,
           coalesce(a.state, '') AS state, left(a.query, 200) AS query, age(a.backend_xmin)::bigint AS transactions,
           extract(epoch FROM clock_timestamp() - coalesce(a.xact_start, a.backend_start))::float8 AS held_for
    FROM pg_stat_activity a
    WHERE a.backend_xmin IS NOT NULL AND a.pid <> pg_backend_pid()
      AND a.backend_type NOT IN ('autovacuum worker', 'walsender')
      AND (a.datname = current_database() OR a.datname IS NULL) AND a.query !~* '^\s*vacuum'
    UNION ALL
    SELECT 'prepared', NULL, p.gid, p.owner::text, NULL, age(p.transaction)::bigint,
           extract(epoch FROM clock_timestamp() - p.prepared)::float8
    FROM pg_prepared_xacts p WHERE p.database = current_database()
    UNION ALL
    SELECT 'slot', s.active_pid, s.slot_name::text, CASE WHEN s.active THEN 'active' ELSE 'inactive' END, NULL,
           greatest(age(s.xmin), age(s.catalog_xmin))::bigint, NULL
    FROM pg_replication_slots s WHERE s.xmin IS NOT NULL OR s.catalog_xmin IS NOT NULL
    UNION ALL
    SELECT 'standby', r.pid, coalesce(r.application_name, ''), r.state, NULL, age(r.backend_xmin)::bigint, NULL
    FROM pg_stat_replication r WHERE r.backend_xmin IS NOT NULL
) h
ORDER BY h.transactions DESC NULLS LAST, h.held_for DESC NULLS LAST
LIMIT 5
