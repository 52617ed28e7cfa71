-- One cancellation policy, also one that has been withdrawn.
-- $1 policy
-- Locks: none. Index: cancel_policies_pkey.
SELECT p.policy_id, p.event, p.trigger_path, p.event_path FROM nightjar.cancel_policies p WHERE p.policy_id = $1
