-- One cancellation policy of a run's function, also one that has been withdrawn.
-- $1 policy, $2 run
-- Locks: none. Index: cancel_policies_pkey.
SELECT p.policy_id, p.event, p.text, p.trigger_path, p.event_path, p.timeout, p.until, p.warning,
       least(p.until, nightjar.uuid7_time($2) + p.timeout) AS listens_until
FROM nightjar.cancel_policies p WHERE p.policy_id = $1
