-- Nightjar 0028: what is due in a shared app is dealt out among its tenants, when there is more than is claimed. See claim.sql.
SET LOCAL client_min_messages = warning;

LOCK TABLE nightjar.live IN ACCESS EXCLUSIVE MODE;

-- Also by when they are due: what a tenant has due, whatever others have.
DROP INDEX nightjar.live_shared;
CREATE INDEX live_shared ON nightjar.live (tenant_id, queue, due_at) WHERE shared;
-- What a tenant has that came back.
CREATE INDEX live_shared_back ON nightjar.live (tenant_id, queue, pass) WHERE shared AND state = 0 AND epoch > 0;

INSERT INTO nightjar.migrations (version, name) VALUES (28, 'dealing');
