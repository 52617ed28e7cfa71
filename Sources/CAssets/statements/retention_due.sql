-- The weeks of logs to which the policies are to be applied, the oldest first; those that were tried within the last day, or
-- that still hold what is needed, once a day; those whose removal was broken off, at once and before all others, since a
-- detachment that is not complete keeps others of its log from beginning. See nightjar.due_weeks in migration 0023.
-- $1 whether all of them
-- What somebody has detached for himself is his: loose tables are taken up only of weeks that were emptied here, and whose removal is
-- not complete.
SELECT d.log, d.week::text AS week, d.tables, CASE WHEN w.under_way THEN d.loose END AS loose, d.lower_id, d.upper_id
FROM nightjar.due_weeks() d
LEFT JOIN (SELECT w.*, w.emptied_at IS NOT NULL AND w.dropped_at IS NULL AS under_way FROM nightjar.retention_weeks w) w
    ON w.log = d.log AND w.week = d.week
WHERE (d.tables IS NOT NULL OR w.under_way)
  AND ($1 OR w.tried_at IS NULL OR w.emptied_at IS NOT NULL AND w.kept_rows = 0
       OR w.tried_at < now() - CASE WHEN w.reason IS NULL THEN interval '20 hours' ELSE interval '50 minutes' END)
ORDER BY coalesce(w.under_way, false) AND d.loose IS NOT NULL DESC, d.week, CASE d.log WHEN 'match_log' THEN 1 WHEN 'runs' THEN 2 ELSE 3 END
