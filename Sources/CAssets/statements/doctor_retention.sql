-- Weeks of logs that should have been dropped two days ago and neither are nor have been emptied but for what is needed; or that
-- hold nothing, and are there still.
-- Locks: none.
SELECT d.log, d.week::text AS week, d.bytes, w.reason, w.tried_at IS NOT NULL AS tried
FROM nightjar.due_weeks(interval '2 days') d
LEFT JOIN nightjar.retention_weeks w ON w.log = d.log AND w.week = d.week
WHERE (w.emptied_at IS NULL OR w.kept_rows = 0) AND (w.due_since IS NULL OR w.due_since < now() - interval '2 days')
  AND NOT EXISTS (SELECT FROM nightjar.retention r WHERE r.changed_at > now() - interval '2 hours')
ORDER BY d.week, d.log LIMIT 10
