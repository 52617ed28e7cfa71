-- The event ids that claim_event_ids.sql has settled on, in the order given. A statement of its own: the other one does
-- not see what concurrent transactions have claimed meanwhile.
-- $1 tenant, $2 key
-- Index: idempotency_pkey.
SELECT i.event_id
FROM unnest($1::int[], $2::text[]) WITH ORDINALITY AS c (tenant_id, key, position)
JOIN nightjar.idempotency i ON i.tenant_id = c.tenant_id AND i.scope = -1 AND i.key = c.key
ORDER BY c.position
