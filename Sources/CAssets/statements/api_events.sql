-- Events, the newest first.
-- $1 before this id, $2 from this id on, $3 name (null: any; one that ends in * is a prefix), $4 received from,
-- $5 received before, $6 how many, $7 whether also those that the database sends itself
-- Locks: none. Index: events_pkey, backwards through the partitions between $2 and $1.
SELECT e.event_id, e.tenant_id, e.name, e.data, e."user", e.id, e.ts, e.received_at
FROM nightjar.events e
WHERE e.event_id < $1 AND e.event_id >= $2 AND e.tenant_id = nightjar.current_tenant()
  AND ($3::text IS NULL OR e.name = $3 OR right($3, 1) = '*' AND starts_with(e.name, left($3, -1)))
  AND ($4::timestamptz IS NULL OR e.received_at >= $4) AND ($5::timestamptz IS NULL OR e.received_at < $5)
  AND ($7 OR NOT starts_with(e.name, 'inngest/'))
ORDER BY e.event_id DESC LIMIT $6
