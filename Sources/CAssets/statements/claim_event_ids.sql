-- Remembers for 24 hours which event ids were given to requests whose own ids cannot be stored, since their time lies
-- outside of the log's parts. Scope -1 of the idempotency keys.
-- $1 tenant, $2 key, $3 event id
-- Locks: idempotency rows in key order, before those that the trigger on events locks. Index: idempotency_pkey.
INSERT INTO nightjar.idempotency AS i (tenant_id, scope, key, event_id, at)
SELECT DISTINCT ON (c.tenant_id, c.key) c.tenant_id, -1, c.key, c.event_id, clock_timestamp()
FROM unnest($1::int[], $2::text[], $3::uuid[]) AS c (tenant_id, key, event_id)
ORDER BY c.tenant_id, c.key
ON CONFLICT (tenant_id, scope, key) DO UPDATE SET event_id = excluded.event_id, at = excluded.at
    WHERE i.at < excluded.at - interval '24 hours'
