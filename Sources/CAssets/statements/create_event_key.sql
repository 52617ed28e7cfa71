-- Makes an event key and answers it, for the first and the last time: only its hash is kept. No row: the tenant is deleted.
-- $1 tenant, by name or number  $2 name of the key
-- Locks: none. Index: tenants_pkey.
WITH made AS MATERIALIZED (
    -- Here, so that it is in no statement. 256 bits of the server's strong source: a version 4 UUID has 122.
    SELECT 'nj-event-' || encode(
        sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex') AS key
), stored AS (
    INSERT INTO nightjar.event_keys (tenant_id, name, hash)
    SELECT t.tenant_id, $2, sha256(convert_to(m.key, 'UTF8'))
    FROM made m, nightjar.tenants t WHERE t.tenant_id = nightjar.tenant_number($1) AND t.state < 3
    RETURNING 1
)
SELECT m.key FROM made m, stored
