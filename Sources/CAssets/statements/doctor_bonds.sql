-- Roles that are bound to a tenant and could leave it, or came by what nightjar.bind_role would have refused; and bonds of roles
-- that are not there. `why`: for people.
-- Locks: none. Small tables.
SELECT b.role::text AS role,
       CASE WHEN r.oid IS NULL THEN NULL
            WHEN r.rolsuper THEN 'it is a superuser'
            WHEN r.rolbypassrls THEN 'it has BYPASSRLS'
            WHEN r.rolcreaterole THEN 'it has CREATEROLE'
            WHEN g.groups <> '' THEN 'it is a member of ' || g.groups
            ELSE 'it may change nightjar.live' END AS why
FROM nightjar.role_tenants b
LEFT JOIN pg_roles r ON r.rolname = b.role
LEFT JOIN LATERAL (
    SELECT coalesce(string_agg(o.rolname, ', ' ORDER BY o.rolname), '') AS groups FROM pg_roles o
    WHERE pg_has_role(r.oid, o.oid, 'MEMBER') AND o.oid <> r.oid
      AND (o.rolname IN ('nightjar_worker', 'nightjar_admin', 'pg_read_all_data', 'pg_write_all_data')
           OR o.rolsuper OR o.rolbypassrls OR o.rolcreaterole
           OR o.oid = (SELECT s.nspowner FROM pg_namespace s WHERE s.nspname = 'nightjar'))) g ON r.oid IS NOT NULL
WHERE r.oid IS NULL OR r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR g.groups <> ''
   OR has_table_privilege(r.oid, 'nightjar.live', 'UPDATE')
ORDER BY r.oid IS NULL, b.role
