-- The server as a whole: what kind it is, the settings that the guarantees rest on, how full it is.
-- Locks: none. `exists … pg_db_role_setting`: our own connections set that time limit themselves, so what others get can
-- only be read where it is configured; not everybody may read pg_file_settings, hence the function's privilege first.
SELECT pg_is_in_recovery() AS standby,
       current_setting('server_encoding') AS encoding,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('fsync') AS fsync,
       current_setting('full_page_writes') AS full_page_writes,
       current_setting('autovacuum') AS autovacuum,
       current_setting('track_counts') AS track_counts,
       current_setting('wal_level') AS wal_level,
       current_setting('max_connections')::int AS max_connections,
       (SELECT count(*)::int FROM pg_stat_activity a WHERE a.backend_type = 'client backend') AS connections,
       (SELECT s.setting::bigint FROM pg_settings s WHERE s.name = 'max_wal_size') AS max_wal_megabytes,
       EXISTS (SELECT FROM pg_db_role_setting d CROSS JOIN unnest(d.setconfig) AS c (entry)
               WHERE d.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
                 AND c.entry LIKE 'idle\_in\_transaction\_session\_timeout=%' AND c.entry NOT LIKE '%=0') AS idle_limit_by_role,
       has_function_privilege('pg_show_all_file_settings()', 'execute') AS may_read_files
