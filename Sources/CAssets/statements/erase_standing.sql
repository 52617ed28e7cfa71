-- How an erasure stands.
-- $1 request
-- Locks: none. Index: erasures_pkey.
SELECT e.state, e.examined, e.events, e.runs, e.answered, e.sent, e.unreached, e.untold, e.ids_until, e.waits_for FROM nightjar.erasures e
WHERE e.erase_id = $1 AND e.tenant_id = nightjar.current_tenant()
