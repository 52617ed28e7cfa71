-- When functions are to start by the clock, but for archived ones.
-- Locks: none. A small table, read as a whole.
SELECT c.function_id, c.cron, c.jitter_ms, c.last_at, clock_timestamp() AS now
FROM nightjar.crons c JOIN nightjar.functions f ON f.function_id = c.function_id WHERE f.archived_at IS NULL
