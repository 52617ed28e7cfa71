-- Workers that are known: who is alive, and what each holds.
-- $1 app (null: any), $2 how many
-- Locks: none. Index: live_session.
SELECT w.worker, w.app, w.status, w.runs, w.started_at, w.silent_seconds
FROM nightjar_report.workers w WHERE $1::text IS NULL OR w.app = $1
ORDER BY w.status, w.app, w.worker, w.started_at LIMIT $2
