-- Whose event key it is, and what that tenant is called.
-- $1 hash of the key
-- Locks: none. Indexes: event_keys_hash_key, tenants_pkey.
SELECT k.tenant_id, t.name FROM nightjar.event_keys k JOIN nightjar.tenants t ON t.tenant_id = k.tenant_id
WHERE k.hash = $1 AND (k.revoked_at IS NULL OR k.revoked_at > now())
