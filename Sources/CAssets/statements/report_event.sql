-- One event, by the id under which it is stored.
-- $1 event id
-- Locks: none. Index: events_pkey, pruned to one partition.
SELECT e.event_id, e.name, e.data, e."user", e.id, e.ts, e.received_at FROM nightjar.events e WHERE e.event_id = $1
