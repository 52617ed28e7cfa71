-- The events of runs that have more than one, in order.
-- $1 run ids
-- Locks: none. Indexes: run_events_pkey, events_pkey.
SELECT r.run_id, coalesce(e.id, e.event_id::text) AS event_id, e.name, e.data, e."user", e.ts
FROM unnest($1::uuid[]) AS r (run_id)
CROSS JOIN LATERAL (SELECT b.position, b.event_id FROM nightjar.run_events b WHERE b.run_id = r.run_id ORDER BY b.position OFFSET 0) b
CROSS JOIN LATERAL (SELECT * FROM nightjar.events e WHERE e.event_id = b.event_id LIMIT 1) e
