-- For how long logs are kept: the policies that are set, those for all tenants first.
-- Locks: none. A few rows.
SELECT r.log, t.name AS tenant, r.keep::text AS keep, r.changed_at, r.changed_by
FROM nightjar.retention r LEFT JOIN nightjar.tenants t ON t.tenant_id = r.tenant_id AND t.tenant_id > 0
ORDER BY t.name NULLS FIRST, r.log
