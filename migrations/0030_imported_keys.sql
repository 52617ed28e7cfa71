-- Nightjar 0030: signing keys that somebody has already are taken over.
SET LOCAL client_min_messages = warning;

-- Takes a signing key that the tenant's apps have already, and answers its number; it comes to stand as one of
-- nightjar.create_signing_key does. No error repeats the key; a server that logs parameters of statements logs it.
-- Locks: the tenant's row; keys whose time is up, ascending. Indexes: signing_keys_tenant_id_signs_key, signing_keys_fingerprint_key.
CREATE FUNCTION nightjar.import_signing_key(tenant text, key text) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    t constant nightjar.tenants := nightjar.lock_tenant(tenant);
    secret constant text := substring(import_signing_key.key FROM '^(?:signkey-[A-Za-z0-9_]+-)?((?:[0-9A-Fa-f]{2})+)$');
    mark bytea;
    number int;
BEGIN
    IF t.state >= 3 THEN
        RAISE EXCEPTION 'tenant "%" is being deleted', t.name USING ERRCODE = 'NJ002';
    ELSIF secret IS NULL OR length(secret) > 512 THEN
        RAISE EXCEPTION 'that is no signing key' USING ERRCODE = 'invalid_parameter_value',
            HINT = 'A signing key is hexadecimal, of 1 to 256 bytes with two digits each, after an optional prefix such as "signkey-prod-".';
    END IF;
    mark := sha256(sha256(decode(secret, 'hex')));
    -- In order, since two tenants may ask for what was each other's key.
    PERFORM FROM nightjar.signing_keys k WHERE (k.tenant_id = t.tenant_id OR k.fingerprint = mark) AND k.good_until <= now()
    ORDER BY k.key_id FOR UPDATE;
    DELETE FROM nightjar.signing_keys k WHERE (k.tenant_id = t.tenant_id OR k.fingerprint = mark) AND k.good_until <= now();
    IF EXISTS (SELECT FROM nightjar.signing_keys k WHERE k.tenant_id = t.tenant_id AND k.fingerprint = mark) THEN
        RAISE EXCEPTION 'tenant "%" has this signing key already', t.name
            USING ERRCODE = 'duplicate_object', HINT = 'See nightjar.signing_keys, or "nightjar keys signing list".';
    ELSIF EXISTS (SELECT FROM nightjar.signing_keys k WHERE k.tenant_id = t.tenant_id AND NOT k.signs) THEN
        RAISE EXCEPTION 'tenant "%" has two signing keys', t.name
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Revoke the one that does not sign, with nightjar.revoke_signing_key.';
    END IF;
    INSERT INTO nightjar.signing_keys AS g (tenant_id, signs, key, fingerprint)
    VALUES (t.tenant_id, NOT EXISTS (SELECT FROM nightjar.signing_keys k WHERE k.tenant_id = t.tenant_id AND k.signs),
            import_signing_key.key, mark)
    ON CONFLICT (fingerprint) DO NOTHING RETURNING g.key_id INTO number;
    IF number IS NULL THEN
        RAISE EXCEPTION 'another tenant has this signing key' USING ERRCODE = 'duplicate_object',
            HINT = 'Whoever has a key acts for its tenant, so it is one tenant''s. Revoke it there, or make another one for this tenant.';
    END IF;
    RETURN number;
END $$;

-- As in 0024.
CREATE OR REPLACE FUNCTION nightjar.create_signing_key(tenant text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- 256 bits of the server's strong source: a version 4 UUID has 122.
    made constant text := 'signkey-prod-' || encode(
        sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex');
BEGIN
    PERFORM nightjar.import_signing_key(tenant, made);
    RETURN made;
END $$;

INSERT INTO nightjar.rights (kind, name) VALUES ('managing', 'import_signing_key');

SELECT nightjar.seal();

INSERT INTO nightjar.migrations (version, name) VALUES (30, 'imported_keys');
