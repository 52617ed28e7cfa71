-- The policies under which a run that has not ended can be cancelled: one row each, whatever alternatives it has.
-- $1 run
-- Locks: none. Indexes: waits_run, cancel_policies_pkey.
-- Those of registrations before migration 0007 have no text, and a digest of their own.
SELECT DISTINCT ON (p.event, coalesce(p.text, p.digest), p.timeout, p.until)
       p.policy_id, p.event, p.text, p.trigger_path, p.event_path, p.timeout, p.until, p.warning,
       least(p.until, nightjar.uuid7_time($1) + p.timeout) AS listens_until
FROM nightjar.waits w JOIN nightjar.cancel_policies p ON p.policy_id = w.policy_id
WHERE w.run_id = $1 AND w.purpose = 1
ORDER BY p.event, coalesce(p.text, p.digest), p.timeout, p.until, p.policy_id
