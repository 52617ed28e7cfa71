-- The policies under which a run that has not ended can be cancelled.
-- $1 run
-- Locks: none. Indexes: waits_run, cancel_policies_pkey.
SELECT DISTINCT p.policy_id, p.event, p.trigger_path, p.event_path
FROM nightjar.waits w JOIN nightjar.cancel_policies p ON p.policy_id = w.policy_id
WHERE w.run_id = $1 AND w.purpose = 1
ORDER BY p.policy_id
