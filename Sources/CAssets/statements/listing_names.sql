-- The tenants, apps and functions that there are, for those who named one that is not.
-- Locks: none. Reads the identity tables, which are small.
SELECT f.tenant, f.app, f.function FROM nightjar_report.functions f ORDER BY f.tenant, f.app, f.function LIMIT 1000
