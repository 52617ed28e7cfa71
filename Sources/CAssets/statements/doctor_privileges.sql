-- What a worker or client needs and this role lacks, each as 'privilege on object'.
-- Locks: none.
WITH wanted (object, privilege) AS (VALUES
    ('events', 'SELECT'), ('events', 'INSERT'), ('runs', 'SELECT'), ('steps', 'SELECT'), ('steps', 'INSERT'),
    ('attempts', 'SELECT'), ('attempts', 'INSERT'), ('outcomes', 'SELECT'), ('outcomes', 'INSERT'),
    ('live', 'SELECT'), ('live', 'UPDATE'), ('live', 'DELETE'), ('waits', 'SELECT'), ('match_log', 'SELECT'),
    ('pending', 'SELECT'), ('pending', 'INSERT'), ('sessions', 'SELECT'), ('sessions', 'INSERT'),
    ('sessions', 'UPDATE'), ('sessions', 'DELETE'), ('idempotency', 'SELECT'), ('idempotency', 'DELETE'),
    ('newcomers', 'SELECT'), ('open_steps', 'SELECT'), ('open_steps', 'INSERT'), ('open_steps', 'DELETE'), ('interruptions', 'SELECT'),
    ('interruptions', 'UPDATE'), ('bulk_cancels', 'SELECT'), ('tenants', 'SELECT'),
    ('functions', 'SELECT'), ('apps', 'SELECT'), ('cancel_policies', 'SELECT'), ('run_status', 'SELECT'),
    ('migrations', 'SELECT'))
SELECT 'membership in nightjar_worker: row-level security shows it one tenant' AS missing
WHERE has_schema_privilege('nightjar', 'USAGE') AND row_security_active('nightjar.live')
  AND NOT coalesce(pg_has_role(to_regrole('nightjar_worker'), 'USAGE'), false)
UNION ALL
SELECT 'USAGE on schema nightjar'  WHERE NOT has_schema_privilege('nightjar', 'USAGE')
UNION ALL
SELECT w.privilege || ' on nightjar.' || w.object FROM wanted w
WHERE has_schema_privilege('nightjar', 'USAGE')
  AND NOT has_table_privilege(format('nightjar.%I', w.object), w.privilege)
UNION ALL
SELECT 'USAGE on sequence nightjar.event_seq'
WHERE has_schema_privilege('nightjar', 'USAGE') AND NOT has_sequence_privilege('nightjar.event_seq', 'USAGE')
UNION ALL
SELECT 'USAGE on sequence nightjar.slots'
WHERE has_schema_privilege('nightjar', 'USAGE') AND NOT has_sequence_privilege('nightjar.slots', 'USAGE')
UNION ALL
SELECT 'EXECUTE on function ' || p.oid::regprocedure FROM pg_proc p
WHERE p.pronamespace = to_regnamespace('nightjar') AND p.proname IN (
    'register', 'send', 'cancel', 'apply_pending', 'make_partitions', 'register_paths', 'look_back', 'expire', 'policy_holds',
    'evaluate', 'arithmetic', 'event_json', 'trigger_json', 'is_heard', 'heard', 'ends_heard', 'bulk_cancel', 'bulk_preview', 'bulk_advance', 'bulk_interrupt',
    'preview', 'reschedule', 'rerun', 'sweep', 'tidy', 'erase_advance')
  AND NOT has_function_privilege(p.oid, 'EXECUTE')
