-- Inserts events of any tenants in the order given; those that are there already, under the same event id, are left alone:
-- a request may be sent again. The trigger on the table does the rest.
-- $1 event id, $2 tenant (null: the connection's), $3 name, $4 data, $5 user, $6 id, $7 ts (null: now)
-- Locks: see migration 0003. Index: events_pkey.
INSERT INTO nightjar.events (event_id, tenant_id, name, data, "user", id, ts)
SELECT e.event_id, coalesce(e.tenant_id, nightjar.current_tenant()), e.name, e.data, e."user", e.id, coalesce(e.ts, clock_timestamp())
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::jsonb[], $5::jsonb[], $6::text[], $7::timestamptz[])
     WITH ORDINALITY AS e (event_id, tenant_id, name, data, "user", id, ts, position)
ORDER BY e.position
ON CONFLICT (event_id) DO NOTHING
