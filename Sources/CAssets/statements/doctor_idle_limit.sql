-- Whether a configuration file limits how long a transaction may be idle. For roles that may read those files.
-- Locks: none.
SELECT EXISTS (SELECT FROM pg_file_settings f
               WHERE f.name = 'idle_in_transaction_session_timeout' AND f.applied AND f.setting !~ '^0[a-z]*$')
