-- The signing keys of a tenant that are good now, first the one that signs.
-- $1 tenant
-- Locks: none. Indexes: signing_keys_tenant_id_signs_key, tenants_pkey.
SELECT k.key FROM nightjar.signing_keys k JOIN nightjar.tenants t ON t.tenant_id = k.tenant_id
WHERE k.tenant_id = $1 AND t.state < 3 AND (k.good_until IS NULL OR k.good_until > now())
ORDER BY k.signs DESC
