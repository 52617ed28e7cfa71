-- What waits, and since when the oldest of it could go on, by function.
-- $1 tenant, $2 app, $3 function (each null: any), $4 how many
-- Locks: none. Reads the whole of live, once.
SELECT l.tenant, l.app, l.function, l.unfinished, l.ready, l.overdue, l.running, l.sleeping, l.retrying, l.scheduled, l.waiting, l.invoking,
       l.lag_seconds
FROM nightjar_report.lag l
WHERE ($1::text IS NULL OR l.tenant = $1) AND ($2::text IS NULL OR l.app = $2) AND ($3::text IS NULL OR l.function = $3)
ORDER BY l.lag_seconds DESC NULLS LAST, l.tenant, l.app, l.function LIMIT $4
