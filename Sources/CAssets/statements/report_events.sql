-- The latest events, the newest first.
-- $1 name (null: every name; one that ends in * is a prefix), $2 how many
-- Locks: none. Index: events_pkey, backwards through the partitions; a rare name reads far.
SELECT e.event_id, e.name, e.data, e."user", e.id, e.ts, e.received_at
FROM nightjar.events e
WHERE e.tenant_id = nightjar.current_tenant()
  AND ($1::text IS NULL OR e.name = $1 OR right($1, 1) = '*' AND starts_with(e.name, left($1, -1)))
ORDER BY e.event_id DESC LIMIT $2
