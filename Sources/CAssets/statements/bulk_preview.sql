-- The unfinished runs that a filter means now, and how many there are: see nightjar.bulk_preview in migration 0012.
-- $1 function, $2 app, $3 status, $4 created after, $5 created before, $6 the expression, compiled (each null: any),
-- $7 how many runs
SELECT total, run_id FROM nightjar.bulk_preview(function => $1, app => $2, status => $3, created_after => $4,
                                                created_before => $5, condition => $6, most => $7)
