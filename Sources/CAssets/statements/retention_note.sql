-- Remembers what became of a week.
-- $1 log, $2 week, $3 dropped, emptied or kept, $4 how many rows it holds, $5 why it was kept
INSERT INTO nightjar.retention_weeks AS w (log, week, tried_at, emptied_at, kept_rows, dropped_at, reason)
VALUES ($1, $2::text::date, now(), CASE WHEN $3::text <> 'kept' THEN now() END, $4::bigint, CASE WHEN $3 = 'dropped' THEN now() END, $5::text)
ON CONFLICT (log, week) DO UPDATE
SET tried_at = now(), emptied_at = coalesce(w.emptied_at, excluded.emptied_at),
    kept_rows = CASE WHEN $3 = 'kept' THEN w.kept_rows ELSE excluded.kept_rows END,
    dropped_at = excluded.dropped_at, reason = excluded.reason
