-- For whom a server acts where no key says it, and whether there are keys: then they are required.
-- Locks: none. Small tables.
SELECT c.tenant, t.name, EXISTS (SELECT FROM nightjar.event_keys k WHERE k.revoked_at IS NULL) AS has_event_keys,
       EXISTS (SELECT FROM nightjar.signing_keys) AS has_signing_keys
FROM (SELECT nightjar.current_tenant() AS tenant) c
LEFT JOIN nightjar.tenants t ON t.tenant_id = c.tenant AND t.state < 4
