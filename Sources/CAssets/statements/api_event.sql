-- Events by the ids under which they are stored, in the order given.
-- $1 event ids
-- Locks: none. Index: events_pkey, pruned to one partition an event.
SELECT e.event_id, e.tenant_id, e.name, e.data, e."user", e.id, e.ts, e.received_at
FROM unnest($1::uuid[]) WITH ORDINALITY AS t (event_id, position)
CROSS JOIN LATERAL (SELECT * FROM nightjar.events e
                    WHERE e.event_id = t.event_id AND e.tenant_id = nightjar.current_tenant() LIMIT 1) e
ORDER BY t.position
