-- Inserts events in the order given; the trigger on the table does the rest. Answers their ids in that order.
-- $1 event id, $2 name, $3 data, $4 user, $5 id, $6 ts (null: now)
-- Locks: see migration 0003.
INSERT INTO nightjar.events (event_id, name, data, "user", id, ts)
SELECT e.event_id, e.name, e.data, e."user", e.id, coalesce(e.ts, clock_timestamp())
FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::jsonb[], $5::text[], $6::timestamptz[])
     WITH ORDINALITY AS e (event_id, name, data, "user", id, ts, position)
ORDER BY e.position
