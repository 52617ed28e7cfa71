-- Forgets client-supplied event ids older than 24 hours, up to $1 of them.
-- Locks: those rows, SKIP LOCKED. Index: idempotency_at.
-- By place, of rows that are locked: a join could be planned as a scan of the whole table.
DELETE FROM nightjar.idempotency i WHERE i.ctid = ANY (ARRAY(
    SELECT o.ctid FROM nightjar.idempotency o
    WHERE o.at < now() - interval '24 hours' ORDER BY o.at LIMIT $1 FOR UPDATE SKIP LOCKED))
