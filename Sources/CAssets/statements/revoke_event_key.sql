-- Makes an event key useless. No row: there is none of that name that was good.
-- $1 tenant, by name or number  $2 name of the key
-- Locks: the key's row. Index: event_keys_tenant_id_name_key.
UPDATE nightjar.event_keys k SET revoked_at = now()
WHERE k.tenant_id = nightjar.tenant_number($1) AND k.name = $2 AND (k.revoked_at IS NULL OR k.revoked_at > now())
RETURNING k.key_id
