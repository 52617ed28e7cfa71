-- Nightjar 0024: signing keys of tenants; errors have a limit, too; who is near a limit, as a report.
SET LOCAL client_min_messages = warning;

-- ---------------------------------------------------------------------------------------------------------------------
-- Signing keys
-- ---------------------------------------------------------------------------------------------------------------------

-- A tenant has at most two: the one that signs what is sent to its apps, and one beside it, which is accepted too.
--
-- The key itself is here, since nothing less makes signatures. Derived from a secret of the servers it would be in no dump, but
-- then that secret could never be changed, and whoever makes a key in SQL would need it. Owner and nightjar_worker read it.
CREATE TABLE nightjar.signing_keys (
    key_id      int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id   int NOT NULL,
    signs       boolean NOT NULL,
    key         text NOT NULL,
    -- SHA-256 of what SDKs send as a bearer token: finds the key of a token, and gives neither away.
    fingerprint bytea NOT NULL UNIQUE,
    created_at  timestamptz NOT NULL DEFAULT now(),
    good_until  timestamptz,                -- null: until it is revoked
    -- At the end of a statement: two keys change places in one.
    UNIQUE (tenant_id, signs) DEFERRABLE INITIALLY IMMEDIATE,
    CHECK (NOT signs OR good_until IS NULL)
);

-- Makes a signing key and answers it: for the first and the last time, but for who may read the table. The first one of a tenant
-- signs; another one is only accepted until nightjar.switch_signing_key.
-- Locks: the tenant's row. Index: signing_keys_tenant_id_signs_key.
CREATE FUNCTION nightjar.create_signing_key(tenant text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    t constant nightjar.tenants := nightjar.lock_tenant(tenant);
    -- 256 bits of the server's strong source: a version 4 UUID has 122.
    secret constant bytea := sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));
BEGIN
    IF t.state >= 3 THEN
        RAISE EXCEPTION 'tenant "%" is being deleted', t.name USING ERRCODE = 'NJ002';
    END IF;
    DELETE FROM nightjar.signing_keys k WHERE k.tenant_id = t.tenant_id AND k.good_until <= now();
    IF EXISTS (SELECT FROM nightjar.signing_keys k WHERE k.tenant_id = t.tenant_id AND NOT k.signs) THEN
        RAISE EXCEPTION 'tenant "%" has two signing keys', t.name
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Revoke the one that does not sign, with nightjar.revoke_signing_key.';
    END IF;
    INSERT INTO nightjar.signing_keys (tenant_id, signs, key, fingerprint)
    VALUES (t.tenant_id, NOT EXISTS (SELECT FROM nightjar.signing_keys k WHERE k.tenant_id = t.tenant_id AND k.signs),
            'signkey-prod-' || encode(secret, 'hex'), sha256(sha256(secret)));
    RETURN 'signkey-prod-' || encode(secret, 'hex');
END $$;

-- Lets the other one of a tenant's two signing keys sign from now on. The one that signed is accepted for `keep`; null: until it
-- is revoked, or signs again.
-- Locks: the tenant's row.
CREATE FUNCTION nightjar.switch_signing_key(tenant text, keep interval DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t constant nightjar.tenants := nightjar.lock_tenant(tenant);
BEGIN
    IF keep < interval '0' THEN
        RAISE EXCEPTION 'a key cannot be kept for %', keep USING ERRCODE = 'invalid_parameter_value', HINT = 'It is a time from 0.';
    END IF;
    DELETE FROM nightjar.signing_keys k WHERE k.tenant_id = t.tenant_id AND k.good_until <= now();
    IF NOT EXISTS (SELECT FROM nightjar.signing_keys k WHERE k.tenant_id = t.tenant_id AND NOT k.signs) THEN
        RAISE EXCEPTION 'tenant "%" has no signing key that could take over', t.name
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Make one with nightjar.create_signing_key.';
    END IF;
    UPDATE nightjar.signing_keys k SET signs = NOT k.signs, good_until = CASE WHEN k.signs THEN now() + keep END
    WHERE k.tenant_id = t.tenant_id;
END $$;

-- Makes a signing key useless; servers notice within seconds. The one that signs only if it is the last.
-- Locks: the tenant's row.
CREATE FUNCTION nightjar.revoke_signing_key(tenant text, key_id int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    t constant nightjar.tenants := nightjar.lock_tenant(tenant);
    k nightjar.signing_keys;
BEGIN
    DELETE FROM nightjar.signing_keys g WHERE g.tenant_id = t.tenant_id AND g.good_until <= now();
    SELECT g.* INTO k FROM nightjar.signing_keys g WHERE g.tenant_id = t.tenant_id AND g.key_id = revoke_signing_key.key_id;
    IF k.key_id IS NULL THEN
        RAISE EXCEPTION 'tenant "%" has no signing key %', t.name, key_id
            USING ERRCODE = 'undefined_object', HINT = 'See nightjar.signing_keys, or "nightjar keys signing list".';
    ELSIF k.signs AND EXISTS (SELECT FROM nightjar.signing_keys g WHERE g.tenant_id = t.tenant_id AND NOT g.signs) THEN
        RAISE EXCEPTION 'signing key % of tenant "%" signs', key_id, t.name
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Let the other one sign first, with nightjar.switch_signing_key.';
    END IF;
    DELETE FROM nightjar.signing_keys g WHERE g.key_id = k.key_id;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Errors have the limit of outputs
-- ---------------------------------------------------------------------------------------------------------------------

-- An error in at most so many bytes, as far as it can be told in that: without what is beside name, message and code, then with
-- less of its message. What it was too large for is added.
CREATE FUNCTION nightjar.shortened_error(error jsonb, most int) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    message constant text := coalesce(error ->> 'message', error::text);
    note constant text := format(' … (shortened: the error had %s bytes, its tenant may record %s)', octet_length(error::text), most);
    kept int := length(message);
    short jsonb;
BEGIN
    IF octet_length(error::text) <= most THEN
        RETURN error;
    END IF;
    LOOP
        short := jsonb_strip_nulls(jsonb_build_object(
            'name', left(coalesce(error ->> 'name', 'Error'), 60), 'message', left(message, kept) || note,
            'code', left(error ->> 'code', 60)));
        EXIT WHEN octet_length(short::text) <= most OR kept = 0;
        kept := CASE WHEN kept > 16 THEN kept * 3 / 4 ELSE 0 END;
    END LOOP;
    RETURN short;
END $$;

-- Shortens errors that are larger than their tenant may record: a run that fails fails with its own error, not with that of its
-- error. 1024 bytes are left to it whatever the limit. Disabled until there is such a limit.
-- Index: tenants_pkey.
CREATE FUNCTION nightjar.limit_error() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    most int;
BEGIN
    SELECT greatest(t.max_output_bytes, 1024) INTO most FROM nightjar.tenants t
    WHERE t.tenant_id = NEW.tenant_id AND t.max_output_bytes IS NOT NULL;
    IF most IS NOT NULL AND octet_length(NEW.error::text) > most THEN
        NEW.error := nightjar.shortened_error(NEW.error, most);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER error_limit BEFORE INSERT ON nightjar.steps FOR EACH ROW WHEN (NEW.error IS NOT NULL) EXECUTE FUNCTION nightjar.limit_error();
CREATE TRIGGER error_limit BEFORE INSERT ON nightjar.attempts FOR EACH ROW WHEN (NEW.error IS NOT NULL) EXECUTE FUNCTION nightjar.limit_error();
CREATE TRIGGER error_limit BEFORE INSERT ON nightjar.outcomes FOR EACH ROW WHEN (NEW.error IS NOT NULL) EXECUTE FUNCTION nightjar.limit_error();

-- Locks: as nightjar.set_tenant, which comes here, says.
CREATE FUNCTION nightjar.limit_errors() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_trigger g WHERE g.tgname = 'error_limit' AND g.tgenabled = 'D'
                 AND g.tgrelid IN ('nightjar.steps'::regclass, 'nightjar.attempts'::regclass, 'nightjar.outcomes'::regclass)) THEN
        ALTER TABLE nightjar.steps ENABLE TRIGGER error_limit;
        ALTER TABLE nightjar.attempts ENABLE TRIGGER error_limit;
        ALTER TABLE nightjar.outcomes ENABLE TRIGGER error_limit;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER limit_errors AFTER INSERT OR UPDATE OF max_output_bytes ON nightjar.tenants
    FOR EACH ROW WHEN (NEW.max_output_bytes IS NOT NULL) EXECUTE FUNCTION nightjar.limit_errors();
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM nightjar.tenants t WHERE t.max_output_bytes IS NOT NULL) THEN
        ALTER TABLE nightjar.steps DISABLE TRIGGER error_limit;
        ALTER TABLE nightjar.attempts DISABLE TRIGGER error_limit;
        ALTER TABLE nightjar.outcomes DISABLE TRIGGER error_limit;
    END IF;
END $$;

-- ---------------------------------------------------------------------------------------------------------------------
-- Who is near a limit
-- ---------------------------------------------------------------------------------------------------------------------

CREATE VIEW nightjar_report.quotas WITH (security_invoker = true) AS
SELECT t.name AS tenant, (ARRAY['active', 'suspended', 'deleted'])[least(t.state, 3)] AS state,
       coalesce(l.count, 0) AS live_runs, t.max_live_runs, l.count / nullif(t.max_live_runs, 0)::float8 AS live_share,
       coalesce(e.count, 0) / 60.0::float8 AS events_per_second, t.max_events_per_second,
       e.count / 60.0::float8 / t.max_events_per_second AS events_share, t.max_event_bytes, t.max_output_bytes, t.tenant_id
FROM nightjar.tenants t
LEFT JOIN (SELECT l.tenant_id, count(*) FROM nightjar.live l GROUP BY l.tenant_id) l ON l.tenant_id = t.tenant_id
LEFT JOIN (SELECT e.tenant_id, count(*) FROM nightjar.events e
           WHERE e.event_id >= nightjar.uuid7_floor(now() - interval '1 minute') AND NOT starts_with(lower(e.name), 'inngest/')
           GROUP BY e.tenant_id) e ON e.tenant_id = t.tenant_id
WHERE t.state < 4 AND t.tenant_id > 0;

COMMENT ON VIEW nightjar_report.quotas IS
    'How much of its limits each tenant uses: one row a tenant. Reads all of the unfinished runs, and the events of the last minute.';
COMMENT ON COLUMN nightjar_report.quotas.tenant IS 'The name of the tenant.';
COMMENT ON COLUMN nightjar_report.quotas.state IS 'active, suspended or, while it is being deleted, deleted.';
COMMENT ON COLUMN nightjar_report.quotas.live_runs IS 'How many unfinished runs it has now.';
COMMENT ON COLUMN nightjar_report.quotas.max_live_runs IS 'How many it may have; null: as many as it likes.';
COMMENT ON COLUMN nightjar_report.quotas.live_share IS
    'live_runs as a part of what it may have: from 1 on its events are refused. Null: no limit, or one of 0, or no run.';
COMMENT ON COLUMN nightjar_report.quotas.events_per_second IS
    'How many events of it were stored, on average over the last minute. Those that were refused are not among them, those that steps sent are.';
COMMENT ON COLUMN nightjar_report.quotas.max_events_per_second IS 'How many it may send on average; null: as many as it likes.';
COMMENT ON COLUMN nightjar_report.quotas.events_share IS
    'events_per_second as a part of what it may send: near 1, some are likely to be refused. Null: no limit, or no event.';
COMMENT ON COLUMN nightjar_report.quotas.max_event_bytes IS 'How many bytes an event of it may have; null: as many as it likes.';
COMMENT ON COLUMN nightjar_report.quotas.max_output_bytes IS 'How many bytes an output of it may have; null: as many as it likes.';
COMMENT ON COLUMN nightjar_report.quotas.tenant_id IS 'The number of the tenant.';

-- ---------------------------------------------------------------------------------------------------------------------
-- Roles
-- ---------------------------------------------------------------------------------------------------------------------

INSERT INTO nightjar.rights (kind, name) VALUES
    ('managing', 'create_signing_key'), ('managing', 'switch_signing_key'), ('managing', 'revoke_signing_key'),
    ('inner', 'shortened_error');

-- nightjar.seal as it is, and: nobody but workers reads the keys themselves.
DO $$
DECLARE
    definition text := pg_get_functiondef('nightjar.seal()'::regprocedure);
    change text[];
BEGIN
    FOREACH change SLICE 1 IN ARRAY ARRAY[
        ['o.relname <> ''event_keys''', 'o.relname NOT IN (''event_keys'', ''signing_keys'')'],
        ['GRANT SELECT (key_id, tenant_id, name, created_at, revoked_at) ON nightjar.event_keys TO nightjar_reporter;',
         'GRANT SELECT (key_id, tenant_id, name, created_at, revoked_at) ON nightjar.event_keys TO nightjar_reporter;
        GRANT SELECT (key_id, tenant_id, signs, created_at, good_until) ON nightjar.signing_keys TO nightjar_reporter;']] LOOP
        IF strpos(definition, change[1]) = 0 THEN
            RAISE EXCEPTION 'nightjar.seal has no "%"', change[1];
        END IF;
        definition := replace(definition, change[1], change[2]);
    END LOOP;
    EXECUTE definition;
END $$;

SELECT nightjar.seal();

INSERT INTO nightjar.migrations (version, name) VALUES (24, 'signing_keys');
