-- Which events unfinished runs listen for, and what these would do.
-- $1 tenant, $2 app, $3 function (each null: any), $4 how many
-- Locks: none. Reads the whole of waits, once.
SELECT w.tenant, w.app, w.function, w.purpose, w.event, w.condition, count(*) AS waits, min(w.since) AS oldest_at
FROM nightjar_report.waits w
WHERE ($1::text IS NULL OR w.tenant = $1) AND ($2::text IS NULL OR w.app = $2) AND ($3::text IS NULL OR w.function = $3)
GROUP BY w.tenant, w.app, w.function, w.purpose, w.event, w.condition
ORDER BY waits DESC, w.tenant, w.app, w.function, w.event LIMIT $4
