-- Makes another event key under the name of one, which goes on for a while under another name; answers both. No row: there is no
-- such key, or its end is settled.
-- $1 tenant, by name or number  $2 name of the key  $3 for how long the old one is good
-- Locks: the key's row. Indexes: event_keys_tenant_id_name_key, tenants_pkey.
WITH made AS MATERIALIZED (
    -- As in create_event_key.
    SELECT 'nj-event-' || encode(
        sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex') AS key
), old AS (
    UPDATE nightjar.event_keys k SET name = left(k.name, 200) || ' #' || k.key_id, revoked_at = now() + $3
    FROM nightjar.tenants t
    WHERE t.tenant_id = nightjar.tenant_number($1) AND t.state < 3
      AND k.tenant_id = t.tenant_id AND k.name = $2 AND k.revoked_at IS NULL
    RETURNING k.tenant_id, k.name
), stored AS (
    INSERT INTO nightjar.event_keys (tenant_id, name, hash)
    SELECT o.tenant_id, $2, sha256(convert_to(m.key, 'UTF8')) FROM old o, made m
    RETURNING 1
)
SELECT m.key, o.name FROM made m, old o, stored
