-- The runs that events started, alone or in a batch, those of each event in the order of their ids.
-- $1 event ids, $2 how many of each
-- Locks: none. Indexes: runs_event, run_events_event.
SELECT e.event_id, r.run_id
FROM unnest($1::uuid[]) AS e (event_id)
CROSS JOIN LATERAL (
    SELECT r.run_id FROM nightjar.runs r WHERE r.event_id = e.event_id AND r.tenant_id = nightjar.current_tenant()
    UNION
    SELECT b.run_id FROM nightjar.run_events b WHERE b.event_id = e.event_id
    ORDER BY run_id LIMIT $2) r
