-- The event keys of a tenant, also those that were revoked, oldest first.
-- $1 tenant, by name or number
-- Locks: none. Index: event_keys_tenant_id_name_key.
SELECT k.key_id, k.name, k.created_at, k.revoked_at FROM nightjar.event_keys k
WHERE k.tenant_id = nightjar.tenant_number($1) ORDER BY k.key_id
