-- A tenant's functions and those of shared apps, in the order of their names; of one name its own first.
-- $1 app: its name or UUID, $2 function: its id within the app, that after the app's name and a dash, or its UUID (each null: any)
-- Locks: none. Reads the identity tables, which are small.
SELECT f.function_id, nightjar.function_uuid(f.function_id) AS function_uuid, a.app_id, nightjar.app_uuid(a.app_id) AS app_uuid,
       a.name AS app, f.name AS function, f.title, f.url, f.config, f.options, f.archived_at, f.changed_at,
       ARRAY(SELECT t.event FROM nightjar.function_triggers t WHERE t.function_id = f.function_id ORDER BY t.event) AS triggers
FROM nightjar.functions f JOIN nightjar.apps a ON a.app_id = f.app_id
WHERE f.tenant_id IN (0, nightjar.current_tenant())
  AND ($1::text IS NULL OR a.name = $1 OR nightjar.app_uuid(a.app_id)::text = lower($1))
  AND ($2::text IS NULL OR f.name = $2 OR a.name || '-' || f.name = $2 OR nightjar.function_uuid(f.function_id)::text = lower($2))
ORDER BY a.name, f.name, f.tenant_id DESC
