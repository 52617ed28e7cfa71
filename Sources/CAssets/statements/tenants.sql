-- Tenants, and how much they have. $1 name or number of one (null: all)
-- Not the one that stands for all. Locks: none. Reads `live` once: for people.
SELECT t.tenant_id, t.name, t.state, t.moved_since IS NOT NULL AS is_moving, t.reason, t.created_at, t.changed_at,
       t.max_live_runs, t.max_events_per_second, t.max_event_bytes, t.max_output_bytes, t.max_executing, t.weight::float8 AS weight,
       (SELECT coalesce(r.keep::text, 'forever') FROM nightjar.retention r WHERE r.tenant_id = t.tenant_id AND r.log = 'events') AS keep_events,
       (SELECT coalesce(r.keep::text, 'forever') FROM nightjar.retention r WHERE r.tenant_id = t.tenant_id AND r.log = 'runs') AS keep_runs,
       coalesce(l.count, 0) AS live_runs, (SELECT count(*) FROM nightjar.apps a WHERE a.tenant_id = t.tenant_id) AS apps,
       ARRAY(SELECT b.role::text FROM nightjar.role_tenants b WHERE b.tenant_id = t.tenant_id ORDER BY 1) AS roles
FROM nightjar.tenants t
LEFT JOIN (SELECT l.tenant_id, count(*) FROM nightjar.live l GROUP BY l.tenant_id) l ON l.tenant_id = t.tenant_id
WHERE t.tenant_id > 0 AND ($1::text IS NULL OR CASE WHEN $1 ~ '^[0-9]+$' THEN t.tenant_id::text = $1 ELSE t.name = $1 END)
ORDER BY t.tenant_id
