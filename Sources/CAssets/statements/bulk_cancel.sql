-- Asks for the cancel of all unfinished runs that a filter means: see nightjar.bulk_cancel in migration 0012.
-- $1 function, $2 app, $3 status, $4 created after, $5 created before, $6 the expression as its author wrote it,
-- $7 the same compiled (each null: any), $8 whether runs that start later are meant too, $9 actor, $10 reason
SELECT nightjar.bulk_cancel(function => $1, app => $2, status => $3, created_after => $4, created_before => $5,
                            expression => $6, condition => $7, include_new => $8, actor => $9, reason => $10)
