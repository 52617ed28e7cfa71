-- Whether a server is a standby, and for how many seconds what it shows is old; null: it has replayed nothing yet.
-- Locks: none. A standby that has replayed all that it received is not behind as long as somebody sends; the time of the
-- last transaction says nothing there, since the primary may have had none.
SELECT pg_is_in_recovery() AS standby,
       CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT FROM pg_stat_wal_receiver)
            THEN 0 ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END::float8 AS lag
