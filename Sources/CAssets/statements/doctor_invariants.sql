-- What must never be seen, by kind, with one example each. Reads everything.
-- Locks: none.
SELECT i.violated, count(*) AS times, min(i.run_id::text) AS example FROM nightjar.invariants i GROUP BY i.violated ORDER BY i.violated
