-- How far ahead each log has partitions without a gap, in days from now.
-- Locks: none. A partition's name ends in the Monday with which its week begins.
WITH weeks AS (
    SELECT c.relname AS log, to_date(right(p.relname, 8), 'YYYYMMDD') AS week
    FROM pg_class c JOIN pg_inherits i ON i.inhparent = c.oid JOIN pg_class p ON p.oid = i.inhrelid
    WHERE c.relnamespace = to_regnamespace('nightjar') AND c.relkind = 'p' AND p.relname ~ '_[0-9]{8}$'
), needed AS (
    SELECT c.relname AS log, date_trunc('week', now() AT TIME ZONE 'UTC')::date + 7 * n AS week
    FROM pg_class c CROSS JOIN generate_series(0, 60) AS n
    WHERE c.relnamespace = to_regnamespace('nightjar')
      -- By range: roll-ups have one for each grain, once and for all.
      AND EXISTS (SELECT FROM pg_partitioned_table p WHERE p.partrelid = c.oid AND p.partstrat = 'r')
)
SELECT n.log::text, extract(epoch FROM min(n.week)::timestamp - (now() AT TIME ZONE 'UTC'))::float8 / 86400 AS days
FROM needed n LEFT JOIN weeks w ON w.log = n.log AND w.week = n.week
WHERE w.log IS NULL
GROUP BY n.log ORDER BY days, n.log
