-- What must not be, for runs created since.
-- $1 since, $2 how many
-- Locks: none. Indexes: the primary keys of the logs, of the partitions of this time; all of live and waits.
SELECT i.violated, i.run_id AS run, i.detail
FROM nightjar_report.invariants i WHERE i.run_id >= nightjar_report.id_at($1::timestamptz)
ORDER BY i.violated, i.run_id LIMIT $2
