-- The remote apps with their functions; also the archived ones, whose runs go on.
-- Locks: none. Small tables, read as a whole.
SELECT a.app_id, a.tenant_id, a.tenant_id = nightjar.current_tenant() AS is_own,
       EXISTS (SELECT FROM nightjar.signing_keys k WHERE k.tenant_id = a.tenant_id) AS has_key, a.name AS app, a.url AS app_url, coalesce(a.sdk, '') AS sdk,
       f.function_id, nightjar.function_uuid(f.function_id) AS uuid, f.name, coalesce(f.title, f.name) AS title, f.url, f.options,
       f.archived_at IS NOT NULL AS archived
FROM nightjar.apps a JOIN nightjar.functions f ON f.app_id = a.app_id
WHERE a.kind = 2 AND a.url IS NOT NULL AND f.url IS NOT NULL
ORDER BY a.app_id, f.function_id
