-- Forgets client-supplied event ids older than 24 hours, up to $1 of them.
-- Locks: those rows, SKIP LOCKED. Index: idempotency_at.
DELETE FROM nightjar.idempotency i USING (
    SELECT o.tenant_id, o.scope, o.key FROM nightjar.idempotency o
    WHERE o.at < now() - interval '24 hours' ORDER BY o.at LIMIT $1 FOR UPDATE SKIP LOCKED) o
WHERE i.tenant_id = o.tenant_id AND i.scope = o.scope AND i.key = o.key
