-- Requests to cancel many runs, the newest first, with the UUIDs of what they name.
-- $1 one of them (null: all), $2 how many
-- Locks: none. Indexes: bulk_cancels_pkey, backwards; the identity tables are small.
SELECT b.bulk_id, b.tenant_id, b.app, b.function, nightjar.app_uuid(f.app_id) AS app_uuid, nightjar.function_uuid(f.function_id) AS function_uuid,
       b.created_after, b.created_before, b.expression, b.actor, b.reason, b.asked_at, b.state, b.examined, b.cancelled,
       b.requested, b.ended_at
FROM nightjar.bulk_cancels b
LEFT JOIN nightjar.functions f ON b.app IS NOT NULL AND f.function_id = b.function_ids[1]
WHERE b.tenant_id = nightjar.current_tenant() AND ($1::uuid IS NULL OR b.bulk_id = $1)
ORDER BY b.bulk_id DESC LIMIT $2
