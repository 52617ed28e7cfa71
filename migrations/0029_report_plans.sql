-- Nightjar 0029: views of nightjar_report whose rows are looked up only as far as a query goes.
SET LOCAL client_min_messages = warning;

-- A volatile function among the columns, as clock_timestamp() is, makes PostgreSQL plan a view by itself: all of its rows are made, with
-- all that belongs to each, before the first fifty are taken. The time of the statement is what it was meant to say.
DO $$
DECLARE
    v record;
BEGIN
    FOR v IN SELECT c.oid::regclass AS name, pg_get_viewdef(c.oid) AS body
             FROM pg_class c
             WHERE c.relnamespace = 'nightjar_report'::regnamespace AND c.relkind = 'v'
               AND pg_get_viewdef(c.oid) LIKE '%clock_timestamp()%' ORDER BY c.oid LOOP
        EXECUTE format('CREATE OR REPLACE VIEW %s WITH (security_invoker = true) AS %s', v.name,
                       replace(v.body, 'clock_timestamp()', 'statement_timestamp()'));
    END LOOP;
END $$;

-- As in 0027, but prefixes are compared, row by row, only where somebody listens for one: what does not depend on the row, or only on
-- its tenant or name, is asked once, or hashed. CASE keeps that order; and of its result the planner expects half to be true, while of
-- conditions in a row it expects that next to nothing fulfils all of them.
CREATE OR REPLACE VIEW nightjar_report.event_throughput WITH (security_invoker = true) AS
SELECT t.name AS tenant, u.name, u.at, u.count, u.last_at,
       CASE WHEN EXISTS (SELECT FROM nightjar.function_triggers g WHERE g.tenant_id = u.tenant_id AND g.event = u.name) THEN true
            WHEN EXISTS (SELECT FROM nightjar.function_triggers g WHERE g.tenant_id = 0 AND g.event = u.name) THEN true
            WHEN NOT EXISTS (SELECT FROM nightjar.function_triggers g WHERE g.tenant_id = 0 AND g.prefix IS NOT NULL)
                 AND u.tenant_id NOT IN (SELECT g.tenant_id FROM nightjar.function_triggers g WHERE g.prefix IS NOT NULL) THEN false
            ELSE EXISTS (SELECT FROM nightjar.function_triggers g
                         WHERE g.tenant_id = ANY (ARRAY[0, u.tenant_id]) AND g.prefix IS NOT NULL AND starts_with(u.name, g.prefix))
       END AS starts_runs,
       CASE WHEN EXISTS (SELECT FROM nightjar.match_paths m WHERE m.tenant_id = u.tenant_id AND m.event = u.name) THEN true
            WHEN EXISTS (SELECT FROM nightjar.match_paths m WHERE m.tenant_id = 0 AND m.event = u.name) THEN true
            WHEN NOT EXISTS (SELECT FROM nightjar.match_paths m WHERE m.tenant_id = 0 AND m.prefix IS NOT NULL)
                 AND u.tenant_id NOT IN (SELECT m.tenant_id FROM nightjar.match_paths m WHERE m.prefix IS NOT NULL) THEN false
            ELSE EXISTS (SELECT FROM nightjar.match_paths m
                         WHERE m.tenant_id = ANY (ARRAY[0, u.tenant_id]) AND m.prefix IS NOT NULL AND starts_with(u.name, m.prefix))
       END AS is_matched,
       u.tenant_id
FROM nightjar.event_rollups u
JOIN nightjar.tenants t ON t.tenant_id = u.tenant_id;

-- Analyzed in a moment when it was empty, after fuller days, the table counts as one row, and slots of a run were looked up in the
-- primary key, all of it, since that has the run too. With a condition that a query by run alone does not fulfil, as waits_key has
-- it, the index is for its keys only.
LOCK TABLE nightjar.held_slots IN ACCESS EXCLUSIVE MODE;
CREATE UNIQUE INDEX held_slots_key ON nightjar.held_slots (key, run_id) WHERE key IS NOT NULL;
ALTER TABLE nightjar.held_slots DROP CONSTRAINT held_slots_pkey;

SELECT nightjar.seal();

INSERT INTO nightjar.migrations (version, name) VALUES (29, 'report_plans');
