-- Whose signing key a bearer token is, what that tenant is called, and the key.
-- $1 what the token may be the fingerprint of: see SigningKey.fingerprints
-- Locks: none. Indexes: signing_keys_fingerprint_key, tenants_pkey.
SELECT k.tenant_id, t.name, k.key FROM nightjar.signing_keys k JOIN nightjar.tenants t ON t.tenant_id = k.tenant_id
WHERE k.fingerprint = ANY ($1) AND t.state < 3 AND (k.good_until IS NULL OR k.good_until > now())
