-- The weeks that are due, and who needs how much of each: see nightjar.retention_plan in migration 0023.
SELECT p.log, p.week::text AS week, p.tables, p.bytes, p.live_runs, p.needed, p.tried_at, p.reason FROM nightjar.retention_plan() p
