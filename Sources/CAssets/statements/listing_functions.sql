-- Every function as it is configured now.
-- $1 tenant, $2 app, $3 function (each null: any), $4 how many
-- Locks: none. Reads the identity tables, which are small.
SELECT f.tenant, f.app, f.function, f.kind, f.status, array_to_string(f.triggers || f.crons, ', ') AS triggers,
       array_to_string(f.cancel_on, ', ') AS cancel_on, f.start_within_seconds, f.finish_within_seconds, f.changed_at
FROM nightjar_report.functions f
WHERE ($1::text IS NULL OR f.tenant = $1) AND ($2::text IS NULL OR f.app = $2) AND ($3::text IS NULL OR f.function = $3)
ORDER BY f.tenant, f.app, f.function LIMIT $4
