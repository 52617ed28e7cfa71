-- Requests to cancel many runs, the newest first.
-- $1 one of them (null: any), $2 how many
-- Locks: none. Index: bulk_cancels_pkey, backwards.
SELECT b.bulk_id, b.app, b.function, b.status, b.created_after, b.created_before, b.expression, b.path::text AS path,
       b.upto IS NULL AS includes_new, b.actor, b.reason, b.asked_at, b.state, b.advanced_at, b.examined, b.cancelled,
       b.requested, b.ended_at
FROM nightjar.bulk_cancels b
WHERE b.tenant_id = nightjar.current_tenant() AND ($1::uuid IS NULL OR b.bulk_id = $1)
ORDER BY b.bulk_id DESC LIMIT $2
